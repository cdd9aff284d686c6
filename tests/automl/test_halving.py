import pytest

from automl.objective import Objective
from automl.search.halving import SuccessiveHalving, rungs


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [(1, []), (2, []), (3, [1]), (9, [3]), (20, [6]), (50, [5, 16]), (243, [3, 9, 27, 81])],
)
def test_rungs_are_whole_divisions_of_a_full_training(epochs, expected):
    assert rungs(epochs) == expected


@pytest.mark.parametrize("mode", ["max", "min"])
def test_the_best_third_goes_on_in_either_direction(mode):
    sign = 1 if mode == "max" else -1
    rule = SuccessiveHalving(Objective("m", mode), 9)
    kept = [rule.keeps(i, 3, sign * v) for i, v in enumerate([0.5, 0.4, 0.6, 0.3, 0.2, 0.55])]
    assert kept == [True, False, True, False, False, True]


def test_a_late_first_report_is_compared_at_every_rung_it_passed():
    rule = SuccessiveHalving(Objective("m", "max"), 27)
    assert rule.keeps(0, 10, 0.9)
    assert not rule.keeps(1, 10, 0.1)
    assert not rule.keeps(2, 3, 0.5)


def test_nobody_is_compared_twice_at_a_rung():
    rule = SuccessiveHalving(Objective("m", "max"), 9)
    assert rule.keeps(0, 3, 0.1)
    assert rule.keeps(1, 3, 0.9)
    assert rule.keeps(0, 4, 0.1)


def test_a_value_that_is_not_finite_never_outlives_a_finite_one():
    rule = SuccessiveHalving(Objective("m", "min"), 3)
    assert rule.keeps(0, 1, 0.5)
    assert not rule.keeps(1, 1, float("nan"))
