import pytest

from automl.experiment.history import History
from automl.experiment.pace import Limit, Pace
from automl.experiment.settings import Settings
from automl.trial.budget import Budget
from automl.trial.objective import Objective


@pytest.fixture
def paced():
    """Return a function that plays events, each a second after the last, to a pace."""

    def play(budget, *events):
        settings = Settings(
            skill="toy", policy="auto", objectives=(Objective("score", "max"),),
            budget=budget, seed=0, spec={},
        )  # fmt: skip
        pace, history = Pace(settings), History()
        for second, event in enumerate(({"event": "opened"}, *events)):
            stamped = {**event, "time": float(second)}
            pace.apply(stamped, history)
            history.apply(stamped)
        return pace, history

    return play


def start(trial, **more):
    return {"event": "start", "trial": trial, "values": {}, "epochs": 4, **more}


def report(trial, epoch):
    metrics = {"score": 0.5}
    return {"event": "report", "trial": trial, "epoch": epoch, "metrics": metrics,
            "decision": "continue"}  # fmt: skip


def test_epochs_of_repeats_are_not_those_of_the_search(paced):
    events = (start(0), report(0, 1), report(0, 2), start(1, confirms=0), report(1, 1))
    pace, _ = paced(Budget(2, 4), *events)
    assert (pace.searched, pace.confirmed) == (2, 1)


def test_the_limits_are_those_of_the_budget_with_what_is_used(paced):
    pace, history = paced(Budget(5, 4, 10, 60.0), start(0), report(0, 1))
    assert pace.limits(history, 2.0) == (
        Limit("trials", 1, 5), Limit("epochs", 1, 10), Limit("seconds", 2.0, 60.0),
    )  # fmt: skip


def test_a_price_makes_a_limit_of_the_time_one_of_the_cost(paced):
    pace, history = paced(Budget(5, 4, time_s=7200.0, price_per_hour=2.5), start(0))
    assert pace.limits(history, 3600.0)[-1] == Limit("cost", 2.5, 5.0)


def test_a_trial_counts_once_it_has_trained_an_epoch(paced):
    pace, history = paced(Budget(5, 4), start(0), start(1), report(1, 1))
    assert pace.limits(history, 2.0)[0] == Limit("trials", 1, 5)


def test_there_is_no_time_left_to_tell_before_the_first_epochs_ended(paced):
    pace, history = paced(Budget(2, 4), start(0), report(0, 1))
    assert pace.left(history, 2.0) is None


def test_the_time_left_follows_from_the_measured_pace(paced):
    pace, history = paced(Budget(2, 4), start(0), *(report(0, epoch) for epoch in (1, 2, 3)))
    left = pace.left(history, 4.0)
    assert (left.seconds, left.is_at_most) == (5.0, True)
