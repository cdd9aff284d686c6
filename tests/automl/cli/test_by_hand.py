import json

import pytest
from made import finish, made_experiment, start
from toy_experiment import write_toy_experiment

from automl.cli import main
from automl.experiment.experiment import Experiment
from automl.experiment.requests import pending


@pytest.fixture
def experiment(tmp_path, toy_data):
    return write_toy_experiment(tmp_path / "exp", toy_data)


def test_a_trial_is_added_by_short_names_and_waits_for_the_resume(experiment, capsys):
    assert main(["add", str(experiment), "lr=1e-2", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    (request,) = pending(Experiment.load(experiment).paths)
    assert printed["request"] == request.id and printed["values"] == request.values
    assert request.values["train.lr"] == 0.01
    assert printed["waits_for"] == f"automl resume {experiment}"


def test_a_wrong_value_is_the_users_mistake_with_the_allowed_ones(experiment, capsys):
    assert main(["add", str(experiment), "lrr=1", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["nearest"] == "lr"


def test_a_request_to_stop_a_trial_names_those_that_can_be_stopped(tmp_path, capsys):
    made_experiment(tmp_path / "e", start(0), finish(0), start(1))
    assert main(["stop", str(tmp_path / "e"), "--trial", "0"]) == 2
    assert "trials that can be stopped: 1" in capsys.readouterr().err
    assert main(["stop", str(tmp_path / "e"), "--trial", "1"]) == 0
    assert capsys.readouterr().out.startswith("kept for the resume: automl resume ")
