import math

import pytest

from automl.formats import clock, compact, counted, duration, score, short_names, size, table


def test_a_running_time_reads_as_a_clock():
    assert [clock(s) for s in (7, 725, 3725)] == ["0:07", "12:05", "1:02:05"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.24, "0.2 s"), (41.6, "42 s"), (89, "89 s"), (185, "3 min 5 s"), (240, "4 min"),
        (754, "13 min"), (3599, "1 h"), (4800, "1 h 20 min"), (7200, "2 h"), (200000, "2 d 8 h"),
    ],
)  # fmt: skip
def test_a_duration_has_two_units_at_most(seconds, text):
    assert duration(seconds) == text


def test_a_size_has_a_decimal_unit():
    assert [size(b) for b in (870, 1.25e9, 4e13)] == ["870 B", "1.2 GB", "40.0 TB"]


def test_a_number_has_four_digits_and_no_number_is_a_dash():
    values = (0.123456, 123456.7, 3, True, "sgd", None, math.nan)
    assert [compact(v) for v in values] == ["0.1235", "123457", "3", "true", "sgd", "-", "-"]


def test_a_score_has_four_decimals_and_a_difference_its_sign():
    assert [score(0.5), score(None), score(math.inf)] == ["0.5000", "-", "-"]
    assert [score(0.25, is_signed=True), score(-0.25, is_signed=True)] == ["+0.2500", "-0.2500"]


def test_the_columns_of_a_table_are_aligned():
    rows = [("key", "value"), ("learning_rate", "0.1")]
    assert table(rows, indent="  ") == ["  key            value", "  learning_rate  0.1"]


@pytest.mark.parametrize(("number", "text"), [(0, "0 trials"), (1, "1 trial"), (12, "12 trials")])
def test_a_count_agrees_with_its_noun(number, text):
    assert counted(number, "trial") == text


def test_the_short_name_of_a_switch_says_of_what():
    keys = ["train.ema.enable", "train.optim.lr", "enable"]
    assert list(short_names(keys).values()) == ["ema.enable", "lr", "enable"]


def test_short_names_tell_keys_apart():
    keys = ["a.lr", "a.flip.p", "a.turn.p", "a.betas.0", "enable", "b.enable"]
    assert list(short_names(keys).values()) == [
        "lr", "flip.p", "turn.p", "betas.0", "enable", "b.enable",
    ]  # fmt: skip
