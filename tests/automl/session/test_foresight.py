from automl.session.foresight import Foresight


def event(kind, elapsed, trial=0, **rest):
    return {"event": kind, "trial": trial, "time": elapsed, "elapsed": elapsed, **rest}


START = {"values": {}, "epochs": 9}
REPORT = {"epoch": 1, "metrics": {}, "decision": "continue"}


def test_the_epochs_left_follow_from_the_pace_of_single_trials():
    foresight = Foresight(100)
    foresight.apply({"event": "opened", "time": 0, "elapsed": 0})
    foresight.apply(event("start", 0, **START))
    foresight.apply(event("start", 0, trial=1, **START))
    assert foresight.epochs is None
    foresight.apply(event("report", 10, **REPORT))
    foresight.apply(event("report", 10, trial=1, **REPORT))
    assert foresight.epochs == 0.9 * 90 / 10
    foresight.apply(event("report", 40, **{**REPORT, "epoch": 2}))
    assert round(foresight.epochs, 6) == round(0.9 * 60 / (50 / 3), 6)


def test_the_time_between_two_sessions_is_nobodys():
    foresight = Foresight(100)
    foresight.apply({"event": "opened", "time": 0, "elapsed": 0})
    foresight.apply(event("start", 0, **START))
    foresight.apply(event("report", 10, **REPORT))
    foresight.apply({"event": "opened", "time": 1000, "elapsed": 0})
    assert foresight.epochs == 0.9 * 90 / 10
