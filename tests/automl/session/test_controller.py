"""The controller without a runner: the test hands reports and outcomes to it as a runner does."""

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from paths import LOGISTIC

from automl.errors import RunFailed
from automl.experiment.journal import Journal
from automl.experiment.observer import ExperimentObserver
from automl.runners.base import Task
from automl.session.giving_up import failure_summary
from automl.session.report_order import ReportOrder
from automl.trial.moves import Done, Wait
from automl.trial.objective import Objective, ReportError
from automl.trial.trial import Decision, Failure, FailureKind, Outcome, TrialState

COMPLETED = Outcome(TrialState.COMPLETED)


class Recording(ExperimentObserver):
    def __init__(self):
        self.calls = []

    def started(self, trial, folder):
        self.calls.append(("started", trial.number, (folder / "spec.yaml").exists()))

    def reported(self, trial, report):
        self.calls.append(("reported", trial.number, report.epoch))

    def finished(self, trial, folder):
        self.calls.append(("finished", trial.number, trial.state.value))


def fail(kind):
    return Outcome(TrialState.FAILED, Failure(kind, "why"))


def train(controller, task, epochs=2):
    for epoch in range(1, epochs + 1):
        controller.report(task.trial, epoch, {"score": epoch / 10, "loss": 1.0})
    controller.finish(task.trial, COMPLETED)


def kinds(controller):
    return [event["event"] for event in Journal(controller.experiment.paths.journal).read()]


def test_every_change_is_in_the_journal_before_an_observer_hears_of_it(make):
    observer = Recording()
    controller = make(observer)
    train(controller, controller.next())
    assert kinds(controller) == ["opened", "start", "report", "report", "finish"]
    assert observer.calls == [
        ("started", 0, True), ("reported", 0, 1), ("reported", 0, 2), ("finished", 0, "completed"),
    ]  # fmt: skip


def test_a_search_ends_when_its_trials_are_spent(make):
    controller = make()
    tasks = [controller.next() for _ in range(3)]
    assert all(isinstance(task, Task) for task in tasks)
    assert isinstance(controller.next(), Wait)
    for task in tasks:
        train(controller, task)
    assert isinstance(controller.next(), Done) and controller.is_settled()


def test_an_epoch_that_the_journal_has_gets_its_old_answer_and_no_second_line(make):
    controller = make()
    task = controller.next()
    first = controller.report(task.trial, 1, {"score": 0.1, "loss": 1.0})
    assert controller.report(task.trial, 1, {"score": 9.9, "loss": 1.0}) is first
    assert kinds(controller).count("report") == 1


def test_what_was_cut_off_comes_first_in_the_next_session(make):
    first = make()
    tasks = [first.next(), first.next()]
    first.report(tasks[1].trial, 1, {"score": 0.1, "loss": 1.0})
    first.close("stopped")
    second = make()
    assert [second.next().trial for _ in range(2)] == [0, 1]
    assert kinds(second).count("start") == 2


def test_a_file_in_the_place_of_a_trials_folder_does_not_end_the_search(make):
    controller = make()
    folder = Path(controller.next().folder)
    shutil.rmtree(folder)
    folder.write_text("x")
    controller.finish(0, fail(FailureKind.LOST))
    assert controller.next().trial == 0 and (folder / "spec.yaml").exists()


def test_a_trial_is_lost_twice_and_fails_the_third_time(make):
    controller = make()
    trials = controller.experiment.history.trials
    for losses in (1, 2):
        assert controller.next().trial == 0
        controller.finish(0, fail(FailureKind.LOST))
        assert (trials[0].losses, trials[0].state) == (losses, TrialState.RUNNING)
    assert controller.next().trial == 0
    controller.finish(0, fail(FailureKind.LOST))
    assert trials[0].state is TrialState.FAILED


def test_a_trial_that_hangs_is_resumed_twice_and_fails_as_hung(make):
    controller = make()
    for _ in range(3):
        assert controller.next().trial == 0
        controller.finish(0, fail(FailureKind.HUNG))
    assert controller.experiment.history.trials[0].failure.kind is FailureKind.HUNG


def test_a_crash_after_a_report_is_tried_once_more_and_one_before_is_not(make):
    controller = make()
    assert controller.next().trial == 0
    controller.report(0, 1, {"score": 0.1, "loss": 1.0})
    controller.finish(0, fail(FailureKind.CRASHED))
    assert controller.next().trial == 0
    controller.finish(0, fail(FailureKind.CRASHED))
    assert controller.experiment.history.trials[0].failure.kind is FailureKind.CRASHED
    assert controller.next().trial == 1
    controller.finish(1, fail(FailureKind.CRASHED))
    assert controller.next().trial == 2


@pytest.mark.parametrize("epochs", [(2, 1), (1, 3), (0,), (-4,), (1, 10**9), (5,)])
def test_an_epoch_that_is_not_the_next_one_is_refused_and_not_journaled(make, epochs):
    controller = make(epochs=4)
    trial = controller.next().trial
    *before, bad = epochs
    for epoch in before:
        controller.report(trial, epoch, {"score": 0.1, "loss": 1.0})
    with pytest.raises(ReportError, match=f"it reported epoch {bad} .*, of 4"):
        controller.report(trial, bad, {"score": 0.1, "loss": 1.0})
    assert kinds(controller).count("report") == len(before)


def test_a_resumed_trial_may_be_ahead_of_the_journal_and_of_its_file_of_reports(make):
    controller = make(epochs=8)
    experiment = controller.experiment
    trial = experiment.history.trials[controller.next().trial]
    experiment.settings = replace(
        experiment.settings, skill=str(LOGISTIC), objectives=(Objective("val_accuracy", "max"),)
    )
    folder = experiment.paths.trial(trial.number)
    # Without metrics, without the objective, and with a report to repeat.
    for kpi, skips in (({}, 1), ({"train_loss": 1}, 1), ({"val_accuracy": 0.5}, 2)):
        (folder / "status.json").write_text(json.dumps({"epoch": 3, "kpi": kpi}) + "\n")
        order = ReportOrder(experiment, controller._preparation)
        order.resumed(trial.number)
        assert [order.begins(trial.number) for _ in range(3)].count(True) == skips
        order.check(trial, 5, begins=True)
    with pytest.raises(ReportError, match="it reported epoch 9 as its first, of 8"):
        order.check(trial, 9, begins=True)


def test_a_change_of_the_wall_clock_is_not_time_driven(make, monkeypatch):
    controller = make(time_s=3600)
    monkeypatch.setattr(time, "time", lambda: 4e9)
    task = controller.next()
    assert controller.report(task.trial, 1, {"score": 0.1, "loss": 1.0}) is Decision.CONTINUE
    monkeypatch.setattr(time, "time", lambda: 1e9)
    controller.finish(task.trial, COMPLETED)
    assert 0 <= controller.experiment.history.trials[0].seconds < 60


def test_a_task_may_run_for_the_time_that_is_left_and_a_grace_once_there_is_a_model(make):
    first = make(time_s=100)
    task = first.next()
    assert task.time_s is None
    train(first, task)
    first.close("stopped")
    assert 120 < make(time_s=100).next().time_s <= 130


def test_a_search_ends_with_a_model_even_if_its_time_is_over_before_one_can_be_had(make):
    controller = make(time_s=1e-6)
    task = controller.next()
    assert (task.trial, task.time_s) == (0, None)
    controller.finish(0, fail(FailureKind.LOST))
    assert controller.next().trial == 0
    answer = controller.report(0, 1, {"score": 0.1, "loss": 1.0})
    assert answer is Decision.STOP
    controller.finish(0, Outcome(TrialState.STOPPED))
    assert isinstance(controller.next(), Done)
    assert controller.experiment.best.number == 0


def test_out_of_memory_is_tried_once_more_at_half_the_batch(make):
    controller = make()
    assert controller.next().spec["train"]["batch_size"] == 8
    controller.finish(0, fail(FailureKind.OUT_OF_MEMORY))
    again = controller.next()
    assert (again.trial, again.spec["train"]["batch_size"]) == (0, 4)
    assert again.spec["train"]["accumulate"] == 2
    controller.finish(0, fail(FailureKind.OUT_OF_MEMORY))
    assert controller.experiment.history.trials[0].failure.kind is FailureKind.OUT_OF_MEMORY


def test_the_search_gives_up_when_its_first_trials_all_fail(make):
    controller = make(trials=9)
    for _ in range(3):
        controller.finish(controller.next().trial, fail(FailureKind.CRASHED))
    with pytest.raises(RunFailed, match="3 trials failed and none has a result\ncrashed: why"):
        controller.next()


def test_a_budget_that_ends_within_the_first_epoch_is_named(make):
    controller = make(time_s=3600)
    controller.next()
    (line,) = failure_summary(controller.experiment)
    assert line.startswith("the budget was spent before a trial finished its first epoch; give a")


def test_when_the_time_is_up_running_trials_stop_and_none_starts(make):
    controller = make(time_s=0.05)
    task = controller.next()
    time.sleep(0.1)
    assert controller.report(task.trial, 1, {"score": 0.1, "loss": 1.0}) is Decision.STOP
    controller.finish(task.trial, Outcome(TrialState.STOPPED))
    assert isinstance(controller.next(), Done)


def test_a_replay_knows_the_seconds_that_the_session_knew(make, monkeypatch):
    controller = make(time_s=3600, algorithm="auto", epochs=6, trials=9)
    clock, now = time.monotonic(), 0.0
    monkeypatch.setattr(time, "monotonic", lambda: clock + now)
    for trial in range(6):
        task = controller.next()
        for epoch in range(1, 7):
            now += 5.0 * (epoch == 1) + 10.0 / (1 + trial)
            decision = controller.report(trial, epoch, {"score": 0.1 * epoch + trial, "loss": 1.0})
            if decision is not Decision.CONTINUE:
                break
        assert task.trial == trial
        controller.finish(trial, Outcome(decision.state))
    again = make(time_s=3600)
    record, replayed = (c._searcher._searcher._record for c in (controller, again))
    costs, known = record.costs, replayed.costs
    assert known.left_s == costs.left_s < 0.9 * 3600
    assert known.start_s == costs.start_s > 0
    rows, trials = np.stack([curve.features for curve in record.curves]), np.arange(6)
    assert known.epoch_s(rows, trials).tolist() == costs.epoch_s(rows, trials).tolist()
    assert again.next_move() == controller.next_move()


def test_files_of_an_unknown_trial_are_removed_before_it_starts(make):
    controller = make()
    stale = controller.experiment.paths.trial(0) / "checkpoints" / "last.json"
    stale.parent.mkdir(parents=True)
    stale.write_text("{}")
    controller.next()
    assert not stale.exists()
