import math

import pytest

from automl.errors import UsageError
from automl.trial.budget import UNLIMITED, Budget


@pytest.mark.parametrize(
    ("limits", "match"),
    [
        ({"trials": 0}, "--trials: 0 is not allowed"),
        ({"epochs": -1}, "--epochs: -1 is not allowed"),
        ({"budget_epochs": 0}, "--budget-epochs: 0 is not allowed"),
        ({"time_s": 0.0}, "--time: 0 is not allowed: must be above 0 s"),
        ({"time_s": math.inf}, "--time: inf is not allowed"),
    ],
)
def test_a_limit_that_allows_nothing_is_refused(limits, match):
    with pytest.raises(UsageError, match=match):
        Budget(**{"trials": 1, "epochs": 1, **limits})


def test_a_budget_says_its_limits_in_words():
    assert str(Budget(20, 50, 500, 60.0)) == (
        "20 trials of up to 50 epochs, at most 500 epochs in all, at most 60 s"
    )


def test_a_limit_of_time_says_what_it_costs():
    budget = Budget(UNLIMITED, 5, time_s=7200.0, price_per_hour=2.5)
    assert str(budget) == "trials of up to 5 epochs, at most 2 h (5.00)"
    assert budget.cost(1800) == 1.25
    assert Budget(1, 1).cost(1800) is None


def test_unlimited_trials_are_not_named():
    budget = Budget(UNLIMITED, 5, time_s=9.0)
    assert not budget.is_limited_in_trials
    assert str(budget) == "trials of up to 5 epochs, at most 9 s"


def test_one_trial_of_one_epoch_is_singular():
    assert str(Budget(1, 1, 1, 7200)) == (
        "1 trial of up to 1 epoch, at most 1 epoch in all, at most 2 h"
    )
