import os
import subprocess
import sys

import pytest
from toy_experiment import write_toy_experiment

from automl.errors import Stopped
from automl.experiment.experiment import Experiment
from automl.experiment.observer import ExperimentObserver
from automl.session import disk
from automl.session.session import drive
from automl.trial.trial import TrialState


@pytest.fixture
def experiment(tmp_path, toy_data):
    return Experiment.load(write_toy_experiment(tmp_path / "exp", toy_data, trials=2, epochs=2))


def test_what_dead_processes_began_to_write_is_swept_and_nothing_else(experiment):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    root, trial = experiment.paths.root, experiment.paths.trial(0)
    trial.mkdir(parents=True)
    begun = [root / f".report.html.{dead.pid}", trial / f".memory.json.{dead.pid}"]
    kept = [root / f".best.json.{os.getpid()}", trial / ".lock", trial / "log.txt.1"]
    for path in (*begun, *kept):
        path.touch()
    disk.sweep(experiment.paths)
    assert [path.exists() for path in (*begun, *kept)] == [False] * 2 + [True] * 3


def test_what_a_zombie_began_to_write_is_swept(experiment):
    zombie = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    zombie.stdout.read()
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    begun = experiment.paths.root / f".report.html.{zombie.pid}"
    begun.touch()
    disk.sweep(experiment.paths)
    zombie.communicate()
    assert not begun.exists()


def test_a_trial_that_does_not_fit_on_the_disk_is_not_started(experiment, monkeypatch):
    monkeypatch.setattr(disk, "RESERVE", 1 << 60)
    match = "only .* of the disk are free.*; the search stopped; resume it: automl resume"
    with pytest.raises(Stopped, match=match):
        drive(experiment.paths.root)
    monkeypatch.undo()
    assert drive(experiment.paths.root).state == "finished"


def test_a_full_disk_of_a_training_stops_the_search_and_fails_no_trial(tmp_path, toy_data):
    overrides = {"train.fail": "disk"}
    root = write_toy_experiment(tmp_path / "exp", toy_data, trials=2, overrides=overrides)
    with pytest.raises(Stopped, match="trial 0000: .*No space left on device.*automl resume"):
        drive(root)
    trial = Experiment.load(root).history.trials[0]
    assert (trial.state, trial.failure) == (TrialState.RUNNING, None)


def test_a_file_of_a_training_that_was_killed_is_gone_at_the_end(experiment):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()

    class Killed(ExperimentObserver):
        def finished(self, trial, folder):
            (folder / f".memory.json.{dead.pid}").touch()

    root = experiment.paths.root
    drive(root, watchers=[Killed()])
    assert not list(root.rglob(".memory.json.*"))
