import pytest
from made import closed, finish, made_experiment, report, start

from automl.errors import UsageError
from automl.experiment.lock import ExperimentLock
from automl.progress.tail import Follower


def texts(messages):
    return [message.text for message in messages]


def test_each_look_returns_what_was_added_since_the_last(tmp_path):
    experiment = made_experiment(tmp_path / "exp", start(0), report(0, 1, 0.5))
    follower = Follower(tmp_path / "exp")
    assert texts(follower.new()) == ["starts", "epoch 1/3 score 0.5000  best so far"]
    assert follower.new() == []
    with experiment.paths.journal.open("a") as journal:
        journal.write('{"event": "finish", "trial": 0, "state": "completed", "time": 5}\n{"event"')
    assert texts(follower.new()) == ["completed in 5 s"]


def test_an_experiment_that_nobody_drives_is_interrupted_or_as_it_was_closed(tmp_path):
    made_experiment(tmp_path / "cut", start(0))
    made_experiment(tmp_path / "whole", start(0), finish(0), closed())
    assert Follower(tmp_path / "cut").look()[1].state == "interrupted"
    assert Follower(tmp_path / "whole").look()[1].state == "finished"


def test_one_that_is_driven_is_running(tmp_path):
    experiment = made_experiment(tmp_path / "exp", start(0))
    with ExperimentLock(experiment.paths):
        assert Follower(tmp_path / "exp").look()[1].state == "running"


def test_a_folder_without_an_experiment_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is not an experiment folder"):
        Follower(tmp_path)
