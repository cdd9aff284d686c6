"""What every observer owes the driver: one suite over all of them."""

import io

import pytest
from made import closed, finish, made_experiment, report, start
from spaces import build, real

from automl.experiment.observer import ExperimentObserver
from automl.jobs.mirror import JobObserver
from automl.progress.watch import LinesWatcher
from automl.report.writer import ReportWriter
from automl.tracking import make_tracking

KINDS = ("base", "page", "jobs", "lines", "tensorboard", "wandb",
         pytest.param("mlflow", marks=pytest.mark.slow))  # fmt: skip
SPACE = build({"lr": real(0.5, 0.0, 1.0)})


@pytest.fixture
def experiment(tmp_path):
    return made_experiment(
        tmp_path / "runs" / "exp", start(0, {"lr": 0.5}), report(0, 1, None), report(0, 2, 0.5),
        finish(0), start(1, {"lr": 0.25}), finish(1, "failed", "crashed"), start(2, {"lr": 0.1}),
        report(2, 1, 0.25), closed("stopped"),
    )  # fmt: skip


@pytest.fixture(params=KINDS)
def observer(request, experiment, monkeypatch):
    if request.param == "wandb":
        pytest.importorskip("wandb", reason="wandb is not installed")
        monkeypatch.setenv("WANDB_MODE", "offline")
    return {
        "base": ExperimentObserver,
        "page": lambda: ReportWriter(SPACE),
        "jobs": lambda: JobObserver(experiment),
        "lines": lambda: LinesWatcher(experiment.paths.root, io.StringIO()),
    }.get(
        request.param,
        lambda: make_tracking((request.param,), experiment.paths, "toy", SPACE).observers[0],
    )()


def follow(observer, experiment):
    """Call an observer as the driver does in a session."""
    observer.opened(experiment)
    for trial in experiment.history.trials.values():
        folder = experiment.paths.trial(trial.number)
        observer.started(trial, folder)
        for each in trial.reports:
            observer.reported(trial, each)
        if trial.state.is_final:
            observer.finished(trial, folder)
    observer.promoting(experiment.history.trials[0])
    observer.closed(experiment)


def test_a_session_is_followed_without_an_error_and_the_journal_stays(observer, experiment, capsys):
    before = experiment.paths.journal.read_bytes()
    follow(observer, experiment)
    assert experiment.paths.journal.read_bytes() == before
    assert "warning" not in capsys.readouterr().err


def test_an_experiment_without_a_trial_is_no_error(observer, experiment, capsys):
    empty = made_experiment(experiment.paths.root)
    observer.opened(empty)
    observer.closed(empty)
    assert "warning" not in capsys.readouterr().err
