"""Trainings that the limit of time would cut are shortened; the test is the runner."""

from dataclasses import replace

import pytest

from automl.experiment.experiment import Experiment
from automl.experiment.journal import Journal
from automl.session.controller import Controller
from automl.session.deadline import TOO_LATE
from automl.trial.moves import Done
from automl.trial.trial import Decision, Failure, FailureKind, Outcome, TrialState

COMPLETED = Outcome(TrialState.COMPLETED)


@pytest.fixture
def paced(make, monkeypatch):
    """Return a function: a controller of 8 epochs a trial, with a clock that the test sets."""
    clock = [0.0]
    monkeypatch.setattr(Controller, "_elapsed", lambda self: clock[0])

    def open_controller(**options):
        controller = make(**{"time_s": 100, "epochs": 8, **options})
        preparation = controller._preparation
        preparation.info = replace(preparation.info, shortened_key="train.shortened")
        return controller, clock

    return open_controller


def told(controller, task, *epochs):
    """Report epochs of a task and return the answers."""
    return [controller.report(task.trial, n, {"score": 0.1 * n, "loss": 1.0}) for n in epochs]


def trained(controller, clock, seconds, restart_s):
    """Train the first trial, on a warm worker, to its end; an epoch takes `seconds(epoch)`."""
    task, epoch, decision = controller.next(), 0, Decision.CONTINUE
    while decision is not Decision.STOP and epoch < task.epochs:
        epoch += 1
        clock[0] += seconds(epoch)
        (decision,) = told(controller, task, epoch)
        if decision is Decision.PAUSE:
            controller.finish(0, Outcome(TrialState.PAUSED))
            task = controller.next()
            clock[0] += restart_s
    return decision, epoch


def journaled(controller, kind):
    events = Journal(controller.experiment.paths.journal).read()
    return [event for event in events if event["event"] == kind]


def test_a_trial_that_the_time_would_cut_gets_a_sooner_last_epoch_in_time(paced):
    controller, clock = paced()
    task = controller.next()
    assert task.epochs == 8
    answers = []
    for epoch, now in ((1, 12), (2, 22), (3, 50)):
        clock[0] = now
        answers += told(controller, task, epoch)
    # Epochs took 10 and 28 s: of 50 s and a start of none, two more fit and not five.
    assert answers == [Decision.CONTINUE, Decision.CONTINUE, Decision.PAUSE]
    controller.finish(0, Outcome(TrialState.PAUSED))
    again = controller.next()
    assert (again.trial, again.epochs, again.spec["train"]["epochs"]) == (0, 5, 5)
    assert again.spec["train"]["shortened"] == [{"after": 3, "epochs": 8}]
    assert told(controller, again, 3, 4, 5) == [Decision.CONTINUE] * 3
    controller.finish(0, COMPLETED)
    trial = Experiment.load(controller.experiment.paths.root).history.trials[0]
    assert (trial.shortened_to, trial.epochs, trial.epoch) == (5, 5, 5)
    assert trial.state is TrialState.COMPLETED
    (event,) = journaled(controller, "shortened")
    assert event["reason"] == "the time is enough for about 2 more epochs"


def test_a_trial_begins_with_as_many_epochs_as_the_time_has(paced):
    controller, clock = paced()
    first = controller.next()
    for epoch, now in enumerate((11, 21, 31, 41, 51, 61, 71, 76), start=1):
        clock[0] = now
        assert told(controller, first, epoch) == [Decision.CONTINUE]
    controller.finish(0, COMPLETED)
    second = controller.next()
    assert (second.trial, second.epochs, second.spec["train"]["epochs"]) == (1, 2, 2)
    assert "shortened" not in second.spec["train"]
    clock[0] = 92
    controller.finish(1, Outcome(TrialState.FAILED, Failure(FailureKind.CRASHED, "why")))
    last = controller.next()
    assert isinstance(last, Done) and last.reason == TOO_LATE


def test_a_skill_that_cannot_be_shortened_trains_on_and_is_cut(paced):
    controller, clock = paced()
    controller._preparation.info = replace(controller._preparation.info, shortened_key=None)
    task = controller.next()
    clock[0] = 60
    assert told(controller, task, 1, 2) == [Decision.CONTINUE] * 2
    clock[0] = 101
    assert told(controller, task, 3) == [Decision.STOP]
    assert not journaled(controller, "shortened")


def test_a_session_killed_while_a_trial_is_shortened_goes_on_with_it(paced):
    controller, clock = paced()
    task = controller.next()
    for epoch, now in ((1, 10), (2, 45)):
        clock[0] = now
        last = told(controller, task, epoch)
    assert last == [Decision.PAUSE]
    clock[0] = 0.0
    again, clock = paced()
    task = again.next()
    assert (task.trial, task.epochs) == (0, 3)
    assert told(again, task, 2, 3) == [Decision.CONTINUE] * 2


@pytest.mark.parametrize("restart_s", [0.0, 1.5, 2.5])
def test_a_restart_that_costs_time_brings_no_second_shortening(paced, restart_s):
    controller, clock = paced(epochs=45)
    decision, last = trained(controller, clock, lambda n: 2.1 if n < 6 else 2.6, restart_s)
    (event,) = journaled(controller, "shortened")
    assert decision is Decision.CONTINUE and last == event["epochs"]
    assert clock[0] <= 100 + 2.6


def test_an_end_a_part_of_an_epoch_late_is_no_reason_to_shorten(paced):
    controller, clock = paced(epochs=20)
    assert trained(controller, clock, lambda n: 5.2, 0.5) == (Decision.CONTINUE, 20)
    assert not journaled(controller, "shortened") and 100 < clock[0] < 105.2


def test_a_training_is_shortened_three_times_at_most_each_time_by_more_than_one_epoch(paced):
    controller, clock = paced(epochs=100)
    decision, _ = trained(controller, clock, lambda n: 1.0 * 1.12**n, 0.5)
    ends = [100] + [event["epochs"] for event in journaled(controller, "shortened")]
    assert len(ends) == 4 and all(a - b > 1 for a, b in zip(ends, ends[1:], strict=False))
    assert decision is Decision.STOP and clock[0] >= 100
