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
    assert tempo(*quick, pace=pace).epochs_from_start(0, 0) == 95 // 15
    # Twice as slow as measured: so are the epochs to come, and the next start.
    slow = [event("start", 0, **START), report(60, 1)]
    assert tempo(*slow, pace=pace).epochs_from_start(0, 0) == 2
    # Of 40 s, two epochs lack one, three lack more than one and a start.
    assert tempo(*slow, pace=pace).has_time_for(2, 0, 60)
    assert not tempo(*slow, pace=pace).has_time_for(3, 0, 60)
    later = tempo(*slow, report(70, 2), pace=pace)
    assert later.epochs_from_start(0, 0) == 5  # The start took 50 s.
    assert later.epochs_from_start(0, 70) == 0


def test_a_training_lacks_time_by_an_epoch_and_a_start_and_by_more_each_time(tempo):
    made = tempo(event("start", 0, **START), report(8, 1), report(13, 2), report(18, 3))
    # An epoch takes 5 s, a start 3 s: 50 s are left, and 58 s would do.
    assert made.has_time_for(11, 0, 50) and not made.has_time_for(12, 0, 50)
    assert made.has_time_for(13, 0, 50, shortened=1)
    assert not made.has_time_for(14, 0, 50, shortened=1)
    assert made.epochs_from_start(0, 50) == 9
    assert made.epochs_from_start(0, 50, margin=1.1) == 8


def test_a_slow_first_epoch_after_a_resume_is_a_start_and_no_pace(tempo):
    made = tempo(
        event("start", 0, **START), report(2, 1), report(4, 2), report(6, 3),
        event("continue", 6, epochs=9, is_interrupted=True), report(16, 4),
        event("continue", 16, epochs=9, is_interrupted=True), report(26, 5),
        event("continue", 26, epochs=9, is_interrupted=True), report(36, 6),
    )  # fmt: skip
    # Of 50 s, a start takes 8 s and an epoch 2 s; the start at 0 s is past.
    assert made.epochs_from_start(0, 50) == 21


def test_a_trial_is_judged_by_a_first_epoch_only_where_a_second_would_be_too_late(tempo):
    made = tempo(event("start", 0, **START), report(20, 1))
    assert made.has_time_for(9, 0, 55) and not made.has_time_for(9, 0, 65)


def test_nothing_is_known_before_the_first_report(tempo):
    assert tempo().epochs_from_start(None, 0) is None
    assert tempo().has_time_for(9, 0, 0)
    assert tempo(event("start", 0, **START), report(20, 1)).epochs_from_start(0, 20) == 4


def test_a_trial_has_its_own_pace_and_a_start_is_what_its_first_epoch_took_longer(tempo):
    made = tempo(
        event("start", 0, **START), report(20, 1), report(30, 2),
        event("start", 30, trial=1, **START), report(42, 1, trial=1), report(44, 2, trial=1),
    )  # fmt: skip
    # Epochs take 10 s, 2 s, and 6 s on average; both starts took 10 s.
    assert [made.epochs_from_start(trial, 44) for trial in (0, 1, None)] == [4, 23, 7]
