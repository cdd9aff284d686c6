import pytest
from made import finish, made_experiment, report, start

from automl.jobs.record import JobState
from automl.jobs.store import JobStore
from automl.promotion.steps import Step, keep_steps
from automl.trial.trial import Failure, FailureKind


class Made:
    """The result of an action."""

    def __init__(self, **artifacts):
        self.artifacts = artifacts
        self.metrics = {"score": 0.5}


@pytest.fixture
def experiment(tmp_path):
    return made_experiment(tmp_path / "runs" / "exp", start(0), report(0, 1, 0.5), finish(0))


def jobs_of(experiment):
    return {job.id: job for job in JobStore(experiment.paths.root.parent).jobs()}


def test_a_step_is_the_child_of_the_one_that_made_its_model(experiment):
    work = experiment.paths.root / ".promoting"
    onnx, checkpoint = work / "model.onnx", experiment.paths.trial(0) / "best.json"
    steps = [
        Step("export", work, checkpoint, 1.0, 2.0, Made(onnx=onnx)),
        Step("evaluate", work / "test", onnx, 2.0, 3.0, Made()),
    ]
    keep_steps(experiment, 0, steps, work=work, target=experiment.paths.promoted)
    jobs = jobs_of(experiment)
    assert {id: job.parent for id, job in jobs.items()} == {
        "exp/promoted": "exp/trials/0000", "exp/promoted/test": "exp/promoted",
    }  # fmt: skip
    assert jobs["exp/promoted"].artifacts == {"onnx": "model.onnx"}


def test_steps_replace_those_of_an_earlier_promotion(experiment):
    work, model = experiment.paths.root / ".promoting", experiment.paths.trial(0) / "best.json"
    failure = Failure(FailureKind.REJECTED, "worse")
    for steps in (
        [Step("export", work, model, 1.0, 2.0, Made()),
         Step("quantize", work / "int8", model, 2.0, 3.0, Made())],
        [Step("export", work, model, 4.0, 5.0, failure=failure)],
    ):  # fmt: skip
        keep_steps(experiment, 0, steps, work=work, target=experiment.paths.promoted)
    [job] = jobs_of(experiment).values()
    assert (job.state, job.failure, job.created) == (JobState.FAILED, failure, 4.0)


def test_a_database_that_cannot_be_written_costs_no_promotion(experiment, capsys):
    (experiment.paths.root.parent / "jobs.db").mkdir()
    work = experiment.paths.root / ".promoting"
    steps = [Step("export", work, work / "x", 1.0, 2.0, Made())]
    keep_steps(experiment, 0, steps, work=work, target=experiment.paths.promoted)
    assert "the jobs of the promotion cannot be written" in capsys.readouterr().err
