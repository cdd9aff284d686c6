import pytest

from automl.session.tempo import Tempo

START = {"values": {}, "epochs": 9}
REPORT = {"epoch": 1, "metrics": {}, "decision": "continue"}


def event(kind, elapsed, trial=0, **rest):
    return {"event": kind, "trial": trial, "time": elapsed, "elapsed": elapsed, **rest}


def report(elapsed, epoch, trial=0):
    return event("report", elapsed, trial, **{**REPORT, "epoch": epoch})


@pytest.fixture
def tempo():
    """Return a function: the tempo of a limit of 100 s after some events."""

    def make(*events, pace=None):
        made = Tempo(100, pace or {})
        made.apply({"event": "opened", "time": 0, "elapsed": 0})
        for each in events:
            made.apply(each)
        return made

    return make


def test_a_first_epoch_is_divided_as_measured_and_a_second_one_is_known(tempo):
    pace = {"start_s": 10, "epoch_s": 20}
    assert tempo(pace=pace).epochs_from_start(None, 0) is None
    # Its worker had started before.
    quick = [event("start", 0, **START), report(15, 1)]
    assert tempo(*quick, pace=pace).epochs_from_start(0, 0) == int(1.05 * 95 / 15)
    # Twice as slow as measured: so are the epochs to come, and the next start.
    slow = [event("start", 0, **START), report(60, 1)]
    assert tempo(*slow, pace=pace).epochs_from_start(0, 0) == 2
    assert not tempo(*slow, pace=pace).has_time_for(2, 0, 60)
    later = tempo(*slow, report(70, 2), pace=pace)
    assert later.has_time_for(3, 0, 70) and not later.has_time_for(4, 0, 70)
    assert later.epochs_from_start(0, 70) == 0  # The start took 50 s.


def test_nothing_is_known_before_the_first_report(tempo):
    assert tempo().epochs_from_start(None, 0) is None
    assert tempo().has_time_for(9, 0, 0)
    assert tempo(event("start", 0, **START), report(20, 1)).epochs_from_start(0, 20) == 4


def test_a_trial_has_its_own_pace_and_the_shortest_start_counts(tempo):
    made = tempo(
        event("start", 0, **START), report(20, 1), report(30, 2),
        event("start", 30, trial=1, **START), report(42, 1, trial=1), report(44, 2, trial=1),
    )  # fmt: skip
    # Epochs take 10 s, 2 s, and 6 s on average; the second start took 6 s.
    assert [made.epochs_from_start(trial, 44) for trial in (0, 1, None)] == [5, 26, 8]
