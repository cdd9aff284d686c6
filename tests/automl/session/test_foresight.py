from automl.session.foresight import Foresight

START = {"values": {}, "epochs": 9}
REPORT = {"epoch": 1, "metrics": {}, "decision": "continue"}


class Planner:
    """Keeps what it is told."""

    def __init__(self):
        self.left, self.epochs = None, []

    def foresee(self, seconds):
        self.left = seconds

    def took(self, trial, seconds, *, is_first):
        self.epochs.append((trial, seconds, is_first))


def told(*events, time_s=100):
    planner = Planner()
    foresight = Foresight(time_s, planner)
    foresight.apply({"event": "opened", "time": 0, "elapsed": 0})
    for event in events:
        foresight.apply(event)
    foresight.foresee()
    return planner


def event(kind, elapsed, trial=0, **rest):
    return {"event": kind, "trial": trial, "time": elapsed, "elapsed": elapsed, **rest}


def test_each_epoch_is_timed_from_the_report_or_the_start_before_it():
    planner = told(
        event("start", 0, **START),
        event("start", 4, trial=1, **START),
        event("report", 10, **REPORT),
        event("report", 12, trial=1, **REPORT),
        event("report", 40, **{**REPORT, "epoch": 4}),
        event("finish", 41, state="paused", failure=None),
        event("continue", 50, epochs=9, is_interrupted=False),
        event("report", 57, **{**REPORT, "epoch": 5}),
    )
    assert planner.epochs == [(0, 10, True), (1, 8, True), (0, 10, False), (0, 7, True)]
    assert planner.left == 0.9 * (100 - 57)


def test_the_time_between_two_sessions_is_nobodys():
    planner = told(
        event("start", 0, **START),
        event("report", 10, **REPORT),
        {"event": "opened", "time": 1000, "elapsed": 0},
        {**event("continue", 2, epochs=9, is_interrupted=True), "time": 1002},
        {**event("report", 5, **{**REPORT, "epoch": 2}), "time": 1005},
    )
    assert planner.epochs == [(0, 10, True), (0, 3, True)]
    assert planner.left == 0.9 * (100 - 15)


def test_repeats_of_the_confirmation_are_not_the_searchers():
    planner = told(
        event("start", 0, **START),
        event("report", 10, **REPORT),
        event("start", 10, trial=1, confirms=0, **START),
        event("report", 30, trial=1, **REPORT),
    )
    assert planner.epochs == [(0, 10, True)]


def test_nobody_foresees_without_a_limit_or_a_searcher_that_plans():
    assert Foresight.of(None, Planner()) is None
    assert Foresight.of(60.0, object()) is None
    assert Foresight.of(60.0, Planner()) is not None
