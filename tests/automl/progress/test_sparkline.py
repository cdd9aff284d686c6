import math

from automl.progress.sparkline import bar, sparkline


def test_a_sparkline_shows_the_last_value_and_leaves_out_what_is_no_number():
    assert sparkline([0, 1, 2, 3], 10) == "▁▃▆█"
    assert sparkline([0, math.nan, 1], 10) == "▁ █"
    assert sparkline([0] * 99 + [1], 5) == "▁▁▁▁█"
    assert sparkline([1, 1], 5, low=0, high=2) == "▅▅"
    assert sparkline([], 5) == ""


def test_a_bar_is_filled_by_its_share():
    assert bar(0.5, 4) == ("━━", "──")
