"""What every runner owes its driver: one suite over all of them, on real trainings of the toy."""

from collections import deque
from dataclasses import replace
from pathlib import Path

import pytest

from automl.errors import RunFailed
from automl.experiment.resources import Resources
from automl.runners import open_runner
from automl.runners.base import Task
from automl.schema.spec import with_values
from automl.skill.installed import load_skill
from automl.trial.moves import Done, Wait
from automl.trial.objective import Objective
from automl.trial.trial import Decision, Outcome, TrialState

OBJECTIVE = Objective("score", "max")


class Driver:
    """Hands out its tasks in order and keeps what it is told; `decide` answers the reports."""

    def __init__(self, tasks, decide=lambda trial, epoch: Decision.CONTINUE):
        self.tasks = deque(tasks)
        self.decide = decide
        self.running = set()
        self.reports = []
        self.outcomes = {}

    def next(self):
        if not self.tasks:
            return Wait() if self.running else Done()
        self.running.add(self.tasks[0].trial)
        return self.tasks.popleft()

    def report(self, trial, epoch, metrics):
        OBJECTIVE.value(metrics)
        self.reports.append((trial, epoch))
        return self.decide(trial, epoch)

    def finish(self, trial, outcome):
        self.running.discard(trial)
        self.outcomes.setdefault(trial, []).append(outcome)


@pytest.fixture(params=["local", pytest.param("ray", marks=pytest.mark.slow)])
def runner(request):
    resources = Resources(runner="local")
    if request.param == "ray":
        address = request.getfixturevalue("ray_head")
        resources = Resources(runner="ray", concurrency=1, address=address)
    with open_runner(resources, preload="toy") as opened:
        yield opened


@pytest.fixture
def task(tmp_path, toy_data):
    """Return a function that makes the task of a trial; keyword arguments are keys of train."""

    def make(trial, epochs=3, **train):
        spec = load_skill("toy").resolve("train", {"data.root": str(toy_data)})
        values = {f"train.{key}": value for key, value in {"epochs": epochs, **train}.items()}
        return Task(trial, "toy", with_values(spec, values), str(tmp_path / f"{trial:04d}"))

    return make


def test_every_task_reports_each_epoch_in_order_and_ends_once(runner, task):
    driver = Driver([task(0), task(1)])
    runner.run(driver)
    assert driver.reports == [(n, epoch) for n in (0, 1) for epoch in (1, 2, 3)]
    assert driver.outcomes == {n: [Outcome(TrialState.COMPLETED)] for n in (0, 1)}


def test_each_failure_of_a_training_is_the_outcome_of_its_trial_alone(runner, task, tmp_path):
    driver = Driver(
        [task(0, fail="crash"), task(1, fail="memory"), task(2, fail="metric"), task(3)]
    )
    runner.run(driver)
    failures = [driver.outcomes[n][0].failure for n in range(3)]
    assert [f.kind for f in failures] == ["crashed", "out_of_memory", "no_metric"]
    assert failures[0].message == "ValueError: toy: broke"
    assert failures[2].message == "the report has no score; it has loss"
    assert all(len(outcomes) == 1 for outcomes in driver.outcomes.values())
    assert driver.outcomes[3] == [Outcome(TrialState.COMPLETED)]
    assert "toy: broke" in (tmp_path / "0000" / "log.txt").read_text()


def test_a_silent_training_is_ended_with_all_that_it_started(runner, task, tmp_path):
    """Also by its other children: the next trial starts beside nothing."""
    driver = Driver([replace(task(0, fail="hang"), silence_s=2.0), task(1, fail="daemon")])
    before = sleepers()
    runner.run(driver)
    (hung,) = driver.outcomes[0]
    assert (hung.failure.kind, hung.failure.message) == (
        "hung", "no report for 2 s, so it was ended",
    )  # fmt: skip
    assert driver.outcomes[1] == [Outcome(TrialState.COMPLETED)]
    assert sleepers() == before


def test_a_training_that_outlives_its_time_is_stopped(runner, task):
    driver = Driver([replace(task(0, fail="hang"), time_s=0.5)])
    runner.run(driver)
    assert driver.outcomes == {0: [Outcome(TrialState.STOPPED)]}


def test_a_process_that_dies_is_the_loss_of_its_trial_alone(runner, task):
    driver = Driver([task(0, fail="always"), task(1)])
    runner.run(driver)
    (lost,) = driver.outcomes[0]
    assert (lost.failure.kind, lost.failure.message) == (
        "lost", "the training's process died of SIGKILL",
    )  # fmt: skip
    assert driver.outcomes[1] == [Outcome(TrialState.COMPLETED)]


@pytest.mark.parametrize("lie", ["text", "bool", "fraction"])
def test_a_report_that_is_no_number_fails_its_trial(runner, task, lie):
    driver = Driver([task(0, fail=lie)])
    runner.run(driver)
    assert driver.outcomes[0][0].failure.kind == "bad_report"
    assert driver.reports == []


def sleepers():
    commands = (path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists())
    return sum(b"86399" in command for command in commands)


@pytest.mark.parametrize(
    ("decision", "state"),
    [(Decision.STOP, TrialState.STOPPED), (Decision.PAUSE, TrialState.PAUSED)],
)
def test_a_decision_ends_the_training_after_its_report(runner, task, tmp_path, decision, state):
    driver = Driver(
        [task(0, epochs=50)],
        lambda trial, epoch: decision if epoch == 2 else Decision.CONTINUE,
    )
    runner.run(driver)
    assert driver.reports == [(0, 1), (0, 2)]
    assert driver.outcomes == {0: [Outcome(state)]}


def test_a_paused_trial_continues_from_its_checkpoint(runner, task, tmp_path):
    def decide(trial, epoch):
        is_first = driver.reports.count((0, 2)) == 1
        return Decision.PAUSE if epoch == 2 and is_first else Decision.CONTINUE

    driver = Driver([task(0), task(0)], decide)
    runner.run(driver)
    assert driver.reports == [(0, 1), (0, 2), (0, 2), (0, 3)]
    assert [o.state for o in driver.outcomes[0]] == [TrialState.PAUSED, TrialState.COMPLETED]
    assert (tmp_path / "0000" / "epochs.txt").read_text() == "from 0\nfrom 2\n"


def test_an_error_of_the_driver_ends_the_run_and_fails_no_trial(runner, task):
    def decide(trial, epoch):
        if epoch == 2:
            raise KeyError("a fault of ours")
        return Decision.CONTINUE

    driver = Driver([task(0), task(1)], decide)
    with pytest.raises(KeyError, match="a fault of ours"):
        runner.run(driver)
    assert driver.outcomes == {}
    assert driver.reports == [(0, 1), (0, 2)]


def test_a_driver_that_cannot_take_an_outcome_ends_the_run(runner, task):
    class Broken(Driver):
        def finish(self, trial, outcome):
            raise OSError(28, "No space left on device")

    driver = Broken([task(0), task(1)])
    with pytest.raises(OSError, match="No space left"):
        runner.run(driver)
    assert {trial for trial, _ in driver.reports} == {0}


def test_a_driver_that_gives_up_ends_the_run_with_its_reason(runner, task):
    class GivingUp(Driver):
        def next(self):
            if self.outcomes:
                raise RunFailed("3 trials failed")
            return super().next()

    driver = GivingUp([task(0), task(1)])
    with pytest.raises(RunFailed, match="3 trials failed"):
        runner.run(driver)
    assert driver.outcomes == {0: [Outcome(TrialState.COMPLETED)]}
