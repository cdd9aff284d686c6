"""Folders in the manner of NVIDIA's, from the check to the end of a search, with their programs."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import yaml
from tao_folders import FAMILIES, program_of, write_folder, write_program

from automl.cli import main
from automl.errors import UsageError
from automl.experiment.experiment import Experiment
from automl.skill.check import check_folder
from automl.skill.installed import load_skill

SEARCH = ("--objective", "val_loss:min", "--trials", "3", "--algorithm", "random")


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Return a folder that is on the PATH."""
    folder = tmp_path / "programs"
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


@pytest.fixture
def family(tmp_path, programs):
    """Return a function that writes a family's folder, program and data: folder and overrides."""

    def make(name):
        folder = write_folder(tmp_path, name)
        write_program(programs, program_of(name))
        overrides = []
        for number, key in enumerate(FAMILIES[name].data):
            place = tmp_path / f"data{number}"
            place.mkdir()
            (place / "file.txt").write_text(key)
            overrides.append(f"{key}={place}")
        return folder, overrides

    return make


def run(folder, overrides, out, *words):
    return main(["run", "--skill", str(folder), "--epochs", "2", "--tracker", "none", "--runner",
                 "local", "--quiet", "--out", str(out), *words, *overrides])  # fmt: skip


def written(out, number=0):
    (path,) = (out / "trials" / f"{number:04d}").glob("config.*")
    return path


@pytest.mark.parametrize("name", FAMILIES)
def test_a_folder_is_checked_planned_and_searched_to_its_end(family, tmp_path, name, capsys):
    folder, overrides = family(name)
    assert check_folder(folder).is_ok
    assert run(folder, overrides, tmp_path / "exp", *SEARCH, "--dry-run") == 0
    assert run(folder, overrides, tmp_path / "exp", *SEARCH) == 0, capsys.readouterr().err
    experiment = Experiment.load(tmp_path / "exp")
    assert (experiment.state, experiment.promotion) == ("finished", None)
    trials = experiment.history.trials.values()
    assert [[r.epoch for r in t.reports] for t in trials] == [[1, 2]] * 3
    assert all(set(r.metrics) == {"train_loss", "val_loss"} for t in trials for r in t.reports)
    assert experiment.best.number == min(
        experiment.history.trials, key=lambda n: experiment.value_of(experiment.history.trials[n])
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_a_plain_training_and_a_job_need_no_objective(family, tmp_path, name):
    folder, overrides = family(name)
    assert run(folder, overrides, tmp_path / "exp", "--policy", "off") == 0
    experiment = Experiment.load(tmp_path / "exp")
    assert (experiment.state, experiment.epoch_of(experiment.best)) == ("finished", 2)
    assert experiment.best.reports[-1].metrics["val_loss"] > 0
    epochs = f"{load_skill(str(folder)).info.epochs_key}=2"
    root = tmp_path / "jobs"
    assert main(["job", "run", "train", "--skill", str(folder), "--root", str(root), epochs,
                 *overrides]) == 0  # fmt: skip


def test_a_search_without_any_objective_says_how_to_give_one(family, tmp_path, capsys):
    folder, overrides = family("reid")
    assert run(folder, overrides, tmp_path / "exp") == 2
    assert "states no objective; give --objective METRIC:max" in capsys.readouterr().err
    assert not (tmp_path / "exp").exists()


def test_a_place_of_a_list_is_set_in_the_file_that_the_program_reads(family, tmp_path):
    folder, overrides = family("rtdetr")
    assert run(folder, overrides, tmp_path / "exp", *SEARCH) == 0
    spec = yaml.safe_load(written(tmp_path / "exp").read_text())
    assert spec["dataset"]["train_data_sources"] == [
        {"image_dir": str(tmp_path / "data0"), "json_file": str(tmp_path / "data1")}
    ]


def test_one_folder_for_a_key_that_takes_several_becomes_a_list(family, tmp_path):
    folder, _ = family("ocdnet")
    words = ("--data", str(tmp_path / "data0"))
    assert run(folder, [], tmp_path / "exp", *SEARCH, *words) == 0
    spec = yaml.safe_load(written(tmp_path / "exp").read_text())
    assert spec["dataset"]["data_path"] == [str(tmp_path / "data0")]


def test_a_section_without_a_schema_keeps_the_entries_of_the_template(family, tmp_path):
    folder, overrides = family("pose_classification")
    assert run(folder, [*overrides, "dataset.label_map.lying=2"], tmp_path / "exp", *SEARCH) == 0
    spec = yaml.safe_load(written(tmp_path / "exp").read_text())
    assert spec["dataset"]["label_map"] == {"sitting": 0, "standing": 1, "lying": 2}


def test_a_value_of_spec_params_is_in_the_spec(family, tmp_path):
    folder, overrides = family("depth_net")
    assert run(folder, overrides, tmp_path / "exp", *SEARCH) == 0
    spec = yaml.safe_load(written(tmp_path / "exp").read_text())
    assert spec["dataset"]["dataset_name"] == "MonoDataset"


def test_without_a_name_the_network_or_the_folder_names_the_skill(tmp_path):
    folder = write_folder(tmp_path, "visual_changenet")
    assert load_skill(str(folder)).name == "visual_changenet"
    path = folder / "references" / "skill_info.yaml"
    info = yaml.safe_load(path.read_text())
    del info["network_arch"]
    path.write_text(yaml.safe_dump(info))
    assert load_skill(str(folder.rename(tmp_path / "named"))).name == "named"


def test_a_cut_off_training_resumes_from_the_link_to_its_newest_checkpoint(family, tmp_path):
    folder, overrides = family("reid")
    skill = load_skill(str(folder), metrics=["val_loss"])
    spec = skill.resolve("train", dict(word.split("=") for word in overrides))
    epochs = []
    skill.run("train", {**spec, "train": {**spec["train"], "num_epochs": 2}}, tmp_path / "out")
    skill.run("train", spec, tmp_path / "out",
              lambda epoch, _: epochs.append(epoch) or "continue")  # fmt: skip
    assert epochs == list(range(2, 11))
    config = yaml.safe_load((tmp_path / "out" / "config.yaml").read_text())
    assert config["train"]["resume_training_checkpoint_path"].endswith("net_model_latest.pth")


def test_a_broken_schema_trains_directly_with_exit_3(family, tmp_path, capsys):
    folder, overrides = family("reid")
    (folder / "schemas" / "train.schema.json").write_text("{")
    assert run(folder, overrides, tmp_path / "exp") == 3
    assert "not runnable until its schemas" in capsys.readouterr().err
    assert Experiment.load(tmp_path / "exp").settings.policy == "off"


def test_a_relative_script_is_that_of_the_working_folder(family, tmp_path, monkeypatch):
    folder, overrides = family("reid")
    path = folder / "references" / "skill_info.yaml"
    text = path.read_text().replace("re_identification train -e", "python examples/tune.py -e")
    path.write_text(text)
    monkeypatch.chdir(tmp_path)
    skill = load_skill(str(folder))
    spec = skill.resolve("train", dict(word.split("=") for word in overrides))
    with pytest.raises(UsageError, match="runs examples/tune.py, which .* does not have"):
        skill.check(spec)
    write_program(tmp_path / "examples", "tune.py")
    assert skill.check(spec)["files"] == 2
    assert skill.run("train", spec, tmp_path / "out").metrics["val_loss"] > 0


@pytest.fixture
def toy_command(tmp_path, programs, monkeypatch):
    """Return a folder whose command is named as the installed toy skill, beside its own program."""
    beside = tmp_path / "python"
    beside.mkdir()
    monkeypatch.setattr(sys, "executable", str(beside / "python"))
    write_program(beside, "toy")
    monkeypatch.setenv("PATH", f"{beside}{os.pathsep}{os.environ['PATH']}")
    folder = write_folder(tmp_path, "reid")
    path = folder / "references" / "skill_info.yaml"
    path.write_text(path.read_text().replace("re_identification train", "toy train"))
    return folder


def test_a_folder_is_never_run_by_the_program_of_an_installed_skill(toy_command, programs):
    skill = load_skill(str(toy_command))
    place = str(programs.parent)
    data = {"dataset.train_dataset_dir": place, "dataset.query_dataset_dir": place}
    spec = skill.resolve("train", data)
    with pytest.raises(UsageError, match="'toy' is here the program of the installed skill toy"):
        skill.check(spec)
    shutil.move(write_program(programs / "own", "toy"), programs / "toy")
    assert skill.check(spec)["fingerprint"]


def test_the_settings_keep_the_objective_for_every_part_of_the_run(family, tmp_path):
    folder, overrides = family("reid")
    assert run(folder, overrides, tmp_path / "exp", *SEARCH) == 0
    settings = yaml.safe_load((tmp_path / "exp" / "settings.yaml").read_text())
    assert settings["objectives"] == [{"metric": "val_loss", "mode": "min"}]
    lines = (tmp_path / "exp" / "trials" / "0000" / "train" / "status.json").read_text()
    assert json.loads(lines.splitlines()[1])["epoch"] == 0
    assert Path(tmp_path / "exp" / "best.json").exists()
