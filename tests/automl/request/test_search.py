import math

import pytest

from automl.errors import UsageError
from automl.request.request import request_from_options
from automl.request.search import DEFAULT_TRIALS, SearchRequest
from automl.trial.budget import UNLIMITED


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"automl_max_recommendations": 5}, {"trials": 5}),
        ({"num_recommendations": 5}, {"trials": 5}),
        ({"automl_R": 9}, {"epochs": 9}),
        ({"automl_max_epochs": 9, "epoch_multiplier": 2, "algorithm": "asha"}, {"epochs": 18}),
        ({"automl_max_concurrent": 2}, {"concurrency": 2}),
        ({"automl_algorithm": "hes"}, {"algorithm": "hyperband_es"}),
        ({"automl_nu": 4, "algorithm": "asha"}, {"algorithm_options": {"reduction_factor": 4}}),
        ({"metric": "loss", "direction": "minimize"}, {"objectives": ("loss:min",)}),
        ({"automl_max_recommendations": "5", "automl_R": 9.0}, {"trials": 5, "epochs": 9}),
        ({"automl_max_trials": None}, {"trials": None}),
        *(({"algorithm": a}, {"algorithm": "hyperband_es"}) for a in ("Hyperband-ES", "HES")),
        ({"algorithm": "asha", "nu": "4"}, {"algorithm_options": {"reduction_factor": 4}}),
    ],
)
def test_settings_of_tao_are_flags_here(settings, expected):
    flags = SearchRequest(algorithm_options=settings).resolved()
    assert {name: getattr(flags, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("request_", "trials"),
    [
        (SearchRequest(), DEFAULT_TRIALS),
        (SearchRequest(trials=3), 3),
        (SearchRequest(time="2h"), UNLIMITED),
        (SearchRequest(budget_epochs=9, trials=3), 3),
    ],
)
def test_a_limit_of_time_or_epochs_needs_no_number_of_trials(request_, trials):
    assert request_.budget(5).trials == trials


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [({"budget_cost": 20, "price_per_hour": 2.5}, 8 * 3600),
     ({"budget_cost": 20, "price_per_hour": 2.5, "time": "1h"}, 3600),
     ({"budget_cost": 1, "price_per_hour": 2, "time": "1h"}, 1800),
     ({"price_per_hour": 2}, None)],
)  # fmt: skip
def test_a_cost_limits_the_time_at_its_price(limits, seconds):
    budget = SearchRequest(**limits).budget(5)
    assert budget.time_s == seconds
    assert budget.is_limited_in_trials == (seconds is None)
    assert budget.price_per_hour == limits["price_per_hour"]


@pytest.mark.parametrize(
    ("options", "match"),
    [({"budget_cost": 20}, "--budget-cost: 20 says nothing without --price-per-hour"),
     ({"budget_cost": 0, "price_per_hour": 1}, "--budget-cost: 0 is not allowed: must be a numb"),
     ({"budget_cost": 1, "price_per_hour": -1}, "--price-per-hour: -1 is not allowed"),
     ({"budget_cost": 1, "price_per_hour": math.nan}, "--price-per-hour: nan is not allowed")],
)  # fmt: skip
def test_a_cost_that_says_nothing_is_refused(options, match):
    with pytest.raises(UsageError, match=match):
        request_from_options({"skill": "toy", **options})


@pytest.mark.parametrize(
    ("request_", "match"),
    [
        (SearchRequest(trials=4, algorithm_options={"max_trials": 5}), "--trials 4 and --set tr"),
        (SearchRequest(algorithm_options={"nu": 3, "automl_nu": 4}), "'?3'? .*disagree|disagree"),
        (SearchRequest(algorithm_options={"direction": "minimize"}), "is given without metric"),
        *(
            (SearchRequest(algorithm_options={"automl_max_trials": value}), "must be a whole numb")
            for value in (2.5, "abc", True, [2])
        ),
        (SearchRequest(algorithm_options={"automl_algorithm": 3}), "3 is not allowed: must be a t"),
        (
            SearchRequest(algorithm_options={"automl_hyperparameters": ["a"]}),
            "automl_hyperparameters: cannot be set: give --search KEY=auto",
        ),
        (
            SearchRequest(algorithm_options={"automl_override_automl_disabled_params": True}),
            "--set override_automl_disabled_params: cannot be set: --search KEY=auto",
        ),
    ],
)
def test_options_that_contradict_each_other_are_refused(request_, match):
    with pytest.raises(UsageError, match=match):
        request_.resolved()
