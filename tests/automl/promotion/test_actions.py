import pytest
from made import finish, made_experiment, report, start

from automl.promotion.actions import ActionRunner
from automl.skill.installed import load_skill
from automl.trial.trial import FailureKind


@pytest.fixture
def experiment(tmp_path):
    return made_experiment(
        tmp_path / "exp", start(0, {"train.lr": 0.25}), report(0, 1, 0.5), finish(0)
    )


@pytest.fixture
def runner(experiment):
    skill = load_skill("toy")
    return ActionRunner(experiment, skill, skill.info)


def test_an_action_gets_the_model_and_leaves_a_step(runner, experiment, tmp_path):
    model = tmp_path / "model.json"
    model.write_text('{"score": 0.75}')
    trial = experiment.history.trials[0]
    result = runner.run("evaluate", trial, tmp_path / "out", model)
    assert result.metrics == {"score": 0.75}
    [step] = runner.steps
    assert (step.action, step.model, step.result, step.failure) == (
        "evaluate", model, result, None,
    )  # fmt: skip


def test_a_failure_leaves_its_step_and_its_trace_without_secrets(
    runner, experiment, tmp_path, monkeypatch
):
    monkeypatch.setenv("MY_TOKEN", "gone-for-good.json")
    model = tmp_path / "gone-for-good.json"
    with pytest.raises(FileNotFoundError):
        runner.run("evaluate", experiment.history.trials[0], tmp_path / "out", model)
    log = (tmp_path / "out" / "log.txt").read_text()
    assert "FileNotFoundError" in log and "gone-for-good" not in log
    assert runner.steps[0].failure.kind is FailureKind.CRASHED
