"""Data that change while a search is interrupted cost no trial and are named."""

import pytest
from toy_experiment import write_toy_experiment

from automl.errors import RunFailed, Stopped, UsageError
from automl.experiment.experiment import Experiment
from automl.experiment.observer import ExperimentObserver
from automl.session.session import drive
from automl.trial.trial import FailureKind, TrialState


class Interrupting(ExperimentObserver):
    """Ends the session after the first report, as Ctrl-C does."""

    def reported(self, trial, report):
        raise KeyboardInterrupt


@pytest.fixture
def interrupted(tmp_path, toy_data):
    root = write_toy_experiment(tmp_path / "exp", toy_data, trials=2, epochs=3)
    with pytest.raises(KeyboardInterrupt):
        drive(root, watchers=[Interrupting()])
    return root


def test_a_resume_says_that_the_data_has_changed(interrupted, toy_data, capfd):
    drive(interrupted)
    assert "has changed" not in capfd.readouterr().err
    (interrupted / "journal.jsonl").write_text(
        "".join((interrupted / "journal.jsonl").read_text().splitlines(keepends=True)[:4])
    )
    (toy_data / "changed").touch()
    assert drive(interrupted).state == "finished"
    assert f"{interrupted}: its data has changed since it began" in capfd.readouterr().err


def test_a_resume_without_its_data_leaves_the_journal_as_it_is(interrupted, toy_data):
    journal = (interrupted / "journal.jsonl").read_bytes()
    toy_data.rename(toy_data.with_name("moved"))
    with pytest.raises(UsageError, match="no such folder"):
        drive(interrupted)
    assert (interrupted / "journal.jsonl").read_bytes() == journal
    toy_data.with_name("moved").rename(toy_data)
    assert drive(interrupted).state == "finished"


def test_data_harmed_after_an_epoch_stops_the_search_and_fails_no_trial(interrupted, toy_data):
    (toy_data / "harmed").touch()
    with pytest.raises(Stopped, match=r"trial \d+: toy: harmed; the data was another before"):
        drive(interrupted)
    trials = Experiment.load(interrupted).history.trials.values()
    assert TrialState.FAILED not in [trial.state for trial in trials]
    (toy_data / "harmed").unlink()
    assert drive(interrupted).state == "finished"


def test_data_that_no_training_could_read_fails_the_trials(tmp_path, toy_data):
    (toy_data / "harmed").touch()
    root = write_toy_experiment(tmp_path / "exp", toy_data, trials=1, epochs=2)
    with pytest.raises(RunFailed, match="bad_data: toy: harmed"):
        drive(root)
    assert Experiment.load(root).history.trials[0].failure.kind is FailureKind.BAD_DATA
