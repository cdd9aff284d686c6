"""Which searches learn from the trials on other data sets that a skill brings."""

import json
import shutil

import pytest
from toy_experiment import toy_plan
from toy_skill import ToySkill

from automl.errors import UsageError
from automl.experiment.experiment import Experiment
from automl.experiment.paths import ExperimentPaths
from automl.experiment.transfer import read_transfer, write_transfer
from automl.search.auto import reasons
from automl.session.session import drive
from automl.trial.trial import TransferTrial

NO_FLIP = {"train.flip.enable": False}
TRIALS = [
    {"values": {"train.lr": 0.02, "train.width": 24, **NO_FLIP}, "scores": [0.9, 0.8]},
    {"values": {"train.lr": 0.001, "train.width": 8, **NO_FLIP}, "scores": [0.1, 0.2]},
    {"values": {"train.lr": 0.03, "train.width": 8, **NO_FLIP}, "scores": [None, 0.5]},
]


@pytest.fixture
def skill(tmp_path, monkeypatch):
    """Return a function that gives the toy skill a table of trials."""
    shutil.copytree(ToySkill.folder, tmp_path / "skill")
    references = tmp_path / "skill" / "references"
    with (references / "skill_info.yaml").open("a") as file:
        file.write("transfer: transfer.json\n")
    monkeypatch.setattr(ToySkill, "folder", tmp_path / "skill")

    def write(trials=TRIALS, **changes):
        content = {"metric": "score", "mode": "max", "trials": trials, **changes}
        (references / "transfer.json").write_text(json.dumps(content))

    return write


def test_a_search_begins_with_them_says_so_and_keeps_them_for_a_resume(skill, tmp_path, toy_data):
    skill()
    plan = toy_plan(tmp_path / "exp", toy_data, trials=4)
    assert "learning from 3 configurations on 2 other data sets" in plan.announcement()
    plan.write()
    skill([])  # What comes to the skill later changes nothing.
    experiment = drive(tmp_path / "exp")
    trial = experiment.history.trials[1]
    assert trial.values == TRIALS[0]["values"]
    assert reasons.TRANSFER in experiment.paths.journal.read_text()
    assert drive(tmp_path / "exp").history.trials[1].values == trial.values


def test_a_search_without_them_is_asked_for(skill, tmp_path, toy_data):
    skill()
    plan = toy_plan(tmp_path / "exp", toy_data, algorithm_options={"transfer": "none"})
    assert not plan.transfer and "other data sets" not in plan.announcement()
    plan.write()
    assert not ExperimentPaths(tmp_path / "exp").transfer.exists()


@pytest.mark.parametrize(
    ("table", "request_"),
    [
        ({"metric": "loss", "mode": "min"}, {}),
        ({"mode": "min"}, {}),
        ({}, {"algorithm": "random"}),
        ({}, {"objectives": ("score", "loss:min")}),
        ({"trials": [{"values": {"train.lr": 0.1}, "scores": [0.5]}]}, {}),
    ],
    ids=["metric", "direction", "algorithm", "two-objectives", "one-of-four-parameters"],
)
def test_a_search_that_cannot_learn_from_them_has_none(skill, tmp_path, toy_data, table, request_):
    skill(**table)
    assert toy_plan(tmp_path / "exp", toy_data, **request_).transfer == ()


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"trials": [{"values": {}}]}, "transfer.json: is no table of trials .*scores"),
        ({"metric": 7}, "transfer.json: .*metric"),
        ({"mode": "up"}, "transfer.json: .*mode 'up' is not one of max, min"),
        ({"trials": [TRIALS[0], {"values": {}, "scores": [1.0]}]}, "as many scores each"),
        ({"trials": []}, "as many scores each"),
    ],
)
def test_a_harmed_table_is_refused_in_one_line(skill, tmp_path, toy_data, changes, match):
    skill(**changes)
    with pytest.raises(UsageError, match=match):
        toy_plan(tmp_path / "exp", toy_data)


def test_trials_are_read_as_they_were_written_with_null_for_a_divergence(tmp_path):
    trials = [TransferTrial({"lr": 0.1}, (0.5, -0.25)), TransferTrial({}, (float("inf"), 1.0))]
    write_transfer(ExperimentPaths(tmp_path), trials)
    first, second = read_transfer(ExperimentPaths(tmp_path))
    assert first == trials[0]
    assert second.losses[0] != second.losses[0] and second.losses[1] == 1.0


def test_a_harmed_copy_of_them_stops_a_resume(skill, tmp_path, toy_data):
    skill()
    toy_plan(tmp_path / "exp", toy_data).write()
    path = Experiment.load(tmp_path / "exp").paths.transfer
    path.write_text(path.read_text().replace("0.001", "0.002"))
    with pytest.raises(UsageError, match="transfer.json"):
        drive(tmp_path / "exp")
