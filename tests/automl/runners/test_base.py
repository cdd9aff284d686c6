import os
from pathlib import Path

import pytest

from automl.runners.base import Task, run_task
from automl.schema.spec import with_values
from automl.skill.installed import load_skill
from automl.trial.trial import Decision, Outcome, TrialState


@pytest.fixture
def task(tmp_path, toy_data):
    def make(**train):
        spec = load_skill("toy").resolve("train", {"data.root": str(toy_data)})
        values = {f"train.{key}": value for key, value in train.items()}
        return Task(0, "toy", with_values(spec, values), str(tmp_path / "0000"))

    return make


def test_a_task_says_what_it_ran_on(task):
    done = task()
    assert run_task(done, lambda *_: Decision.CONTINUE) == Outcome(TrialState.COMPLETED)
    assert (Path(done.folder) / "environment.json").exists()


def test_a_skill_that_is_not_there_is_the_failure_of_its_trial(task):
    gone = Task(0, "no_such_skill", {}, task().folder)
    failure = run_task(gone, lambda *_: Decision.CONTINUE).failure
    assert failure.kind == "usage" and "no_such_skill" in failure.message


def test_an_error_of_the_driver_is_raised_whatever_the_skill_makes_of_it(task):
    def report(epoch, metrics):
        raise OSError("ours")

    with pytest.raises(OSError, match="ours"):
        run_task(task(), report)


def test_a_log_that_a_training_made_a_pipe_of_is_not_waited_for(task):
    made = task(fail="crash")
    Path(made.folder).mkdir(parents=True)
    os.mkfifo(Path(made.folder) / "log.txt")
    failure = run_task(made, lambda *_: Decision.CONTINUE).failure
    assert failure.message == "ValueError: toy: broke"
