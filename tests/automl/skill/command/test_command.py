"""The command skill on tests/logistic: a numpy script that knows nothing of automl."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from paths import LOGISTIC
from warm import pid_of

from automl.errors import UsageError
from automl.experiment.journal import Journal
from automl.skill.command.command import CommandError
from automl.skill.info import SkillInfo
from automl.skill.installed import load_skill
from automl.skill.route import route

FOLDER = LOGISTIC


@pytest.fixture
def points(tmp_path):
    draw = np.random.default_rng(0)
    x = draw.normal(size=(200, 2))
    y = (x @ [2.0, -1.0] + 0.5 * draw.normal(size=200) > 0.8).astype(float)
    (tmp_path / "points").mkdir()
    np.savetxt(tmp_path / "points" / "points.csv", np.c_[x, y], delimiter=",")
    return tmp_path / "points"


@pytest.fixture
def skill():
    return load_skill(str(FOLDER))


def train(skill, points, folder, report=None, **values):
    overrides = {f"train.{key}": value for key, value in values.items()}
    spec = skill.resolve("train", {"data.root": str(points), **overrides})
    return skill.run("train", spec, folder, report)


def test_it_reports_each_epoch_as_it_is_told_and_hands_back_its_files(skill, points, tmp_path):
    heard = []
    result = train(skill, points, tmp_path / "out", lambda *told: heard.append(told) or "continue")
    assert [epoch for epoch, _ in heard] == [1, 2, 3, 4, 5, 6]
    assert all(set(metrics) == {"val_accuracy"} for _, metrics in heard)
    assert result.metrics == heard[-1][1]
    assert result.artifacts["best"] == tmp_path / "out" / "last.npz"


@pytest.mark.parametrize("answer", ["pause", "stop"])
def test_a_decision_ends_the_command_and_all_that_it_started(skill, points, tmp_path, answer):
    values = {"pause_s": 0.3, "epochs": 100, "fail": "family"}
    train(skill, points, tmp_path / "out", lambda epoch, _: answer if epoch > 1 else "continue",
          **values)  # fmt: skip
    pids = [int(pid) for pid in (tmp_path / "out" / "pids.txt").read_text().split()]
    assert len(pids) == 2
    wait_for(lambda: not any(is_alive(pid) for pid in pids))


def test_a_paused_training_goes_on_from_its_checkpoint(skill, points, tmp_path):
    whole = train(skill, points, tmp_path / "whole", pause_s=0.2)
    train(skill, points, tmp_path / "cut", lambda epoch, _: "pause" if epoch == 2 else "continue",
          pause_s=0.2)  # fmt: skip
    heard = []
    rest = train(skill, points, tmp_path / "cut", lambda e, _: heard.append(e) or "continue",
                 pause_s=0.2)  # fmt: skip
    assert heard[0] == 2 and heard[-1] == 6
    assert (tmp_path / "cut" / "starts.txt").read_text() == "1\n3\n"
    assert rest.metrics == whole.metrics


@pytest.mark.parametrize(
    ("fail", "kind", "match"),
    [
        ("exit", "crashed", "ended with exit code 3: cannot go on: the moon is full"),
        ("memory", "out_of_memory", "MemoryError: no room for 9 GB"),
        ("killed", "lost", "killed"),
        ("segfault", "crashed", "died of signal 11"),
        ("nan", "diverged", "val_accuracy is not finite at epoch 1"),
        ("silent", "no_metric", "without reporting val_accuracy; it reported train_loss in"),
    ],
)
def test_each_way_to_fail_has_its_kind(skill, points, tmp_path, fail, kind, match):
    with pytest.raises(CommandError, match=match) as caught:
        train(skill, points, tmp_path / "out", fail=fail)
    assert caught.value.kind == kind


def test_the_command_ends_when_its_driver_is_killed(points, tmp_path):
    code = (
        "from pathlib import Path\nfrom automl.skill.installed import load_skill\n"
        f"skill = load_skill({str(FOLDER)!r})\n"
        f"spec = skill.resolve('train', {{'data.root': {str(points)!r}, 'train.epochs': 100,"
        " 'train.pause_s': 0.2, 'train.fail': 'family'})\n"
        f"skill.run('train', spec, Path({str(tmp_path / 'out')!r}))"
    )
    driver = subprocess.Popen([sys.executable, "-c", code])
    wait_for(lambda: (tmp_path / "out" / "pids.txt").exists())
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    pids = [int(pid) for pid in (tmp_path / "out" / "pids.txt").read_text().split()]
    wait_for(lambda: not any(is_alive(pid) for pid in pids))


def test_faults_of_the_spec_are_told_before_anything_runs(skill, points, tmp_path):
    with pytest.raises(UsageError, match="data.root: is not set; give data.root=VALUE"):
        skill.resolve("train", {})
    with pytest.raises(UsageError, match=r"train.lrr: unknown key; did you mean train.lr"):
        skill.resolve("train", {"train.lrr": 1})
    with pytest.raises(UsageError, match="has no action export; it has train"):
        skill.resolve("export", {})
    with pytest.raises(UsageError, match="data.root: there is no "):
        skill.check(skill.resolve("train", {"data.root": str(tmp_path / "no")}))


def test_a_program_that_is_not_there_is_told_before_anything_runs(points, tmp_path):
    skill = load_skill(str(changed(tmp_path, command="segformre train -e {config_path}")))
    with pytest.raises(UsageError, match="'segformre' is not on the PATH"):
        skill.check(skill.resolve("train", {"data.root": str(points)}))


def test_a_command_without_a_place_for_the_spec_is_refused(tmp_path):
    skill = load_skill(str(changed(tmp_path, command="prog train")))
    with pytest.raises(UsageError, match="actions.train.command has no {config_path} in it"):
        skill.resolve("train", {})


def changed(tmp_path, **action):
    """Return a copy of the skill's folder in which the train action is another."""
    folder = shutil.copytree(FOLDER, tmp_path / "changed")
    path = folder / "references" / "skill_info.yaml"
    info = yaml.safe_load(path.read_text())
    info["actions"]["train"].update(action)
    path.write_text(yaml.safe_dump(info))
    return folder


def test_the_folder_of_an_installed_skill_is_that_skill():
    assert load_skill(str(load_skill("toy").folder)) == load_skill("toy")


def test_a_path_without_a_skill_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"skill_info.yaml: cannot be read \(No such file"):
        load_skill(str(tmp_path))


def test_what_a_skill_does_not_say_is_named_with_what_to_add(tmp_path):
    folder = shutil.copytree(FOLDER, tmp_path / "silent")
    path = folder / "references" / "skill_info.yaml"
    info = yaml.safe_load(path.read_text())
    del info["objective"], info["epochs_key"], info["spec_shorthand_keys"]
    path.write_text(yaml.safe_dump(info))
    read = SkillInfo.read(folder)
    with pytest.raises(UsageError, match="add for example objective: {metric: val_miou, mode"):
        _ = read.objective
    with pytest.raises(UsageError, match="add epochs_key: KEY"):
        _ = read.epochs_key


def test_a_packaged_folder_of_tao_loads_and_can_be_searched(shared, tmp_path):
    source = shared / "schemas" / "segformer"
    for name in ("references", "schemas"):
        (tmp_path / "tao" / name).mkdir(parents=True)
    schema = json.loads((source / "train.schema.json").read_text())
    shutil.copy(source / "train.schema.json", tmp_path / "tao" / "schemas")
    shutil.copy(source / "skill_info.yaml", tmp_path / "tao" / "references")
    template = tmp_path / "tao" / "references" / "spec_template_train.yaml"
    template.write_text(yaml.safe_dump(schema["default"]))
    skill = load_skill(str(tmp_path / "tao"))
    assert (skill.name, skill.info.epochs_key) == ("tao-train-segformer", "train.num_epochs")
    assert skill.info.data_key == "dataset.segment.root_dir"
    spec = skill.resolve("train", {"root_dir": str(tmp_path), "learning_rate": 1e-4})
    assert spec["train"]["optim"]["lr"] == 1e-4
    assert route("train", skill, skill.info, "auto").way == "search"
    with pytest.raises(UsageError, match="is not set"):
        skill.resolve("train", {})


RUN = ("--tracker", "none", "--epochs", 6)


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["local", "ray"])
def test_a_script_is_tuned_end_to_end(automl, points, request, runner):
    on = ("--runner", "local")
    if runner == "ray":
        on = ("--address", request.getfixturevalue("ray_head"))
    result = automl("run", "--skill", FOLDER, "--data", points, "--trials", 6, *on,
                    "--out", "exp", "--json", *RUN)  # fmt: skip
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["state"], told["route"]["way"], told["promotion"]) == ("finished", "search", None)
    assert {t["state"] for t in told["trials"]} <= {"completed", "stopped"}
    assert set(told["trials"][0]["values"]) == {"train.lr", "train.l2"}
    assert told["trials"][0]["values"]["train.l2"] == 0.02, "key_defaults come before the template"
    assert told["best"]["value"] >= told["trials"][0]["value"]
    assert "(the skill cannot export)" in automl("status", "exp").stdout


@pytest.mark.slow
def test_a_killed_search_of_a_script_is_resumed_from_its_checkpoint(
    automl, commands, points, tmp_path
):
    words = ["run", "--skill", str(FOLDER), "--data", str(points), "--trials", "2", "--runner",
             "local", "--out", "exp", "train.pause_s=0.3", *map(str, RUN),
             "--algorithm", "random"]  # fmt: skip
    driver = subprocess.Popen(
        [commands / "automl", *words], cwd=tmp_path, env=os.environ,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    starts = tmp_path / "exp" / "trials" / "0000" / "starts.txt"
    status = tmp_path / "exp" / "trials" / "0000" / "status.json"
    wait_for(lambda: status.exists() and status.read_text().count("kpi") >= 2)
    os.kill(pid_of(driver), signal.SIGKILL)
    driver.wait()
    resumed = automl("resume", "exp", "--json")
    assert resumed.returncode == 0, resumed.stderr
    told = json.loads(resumed.stdout)
    assert (told["state"], len(told["trials"])) == ("finished", 2)
    # Random search pauses none: it starts twice, and never where it has been before.
    begun = [int(line) for line in starts.read_text().split()]
    assert begun[0] == 1 and len(begun) > 1
    assert begun == sorted(set(begun))
    events = Journal(tmp_path / "exp" / "journal.jsonl").read()
    told = [e["epoch"] for e in events if e["event"] == "report" and e["trial"] == 0]
    assert told == [1, 2, 3, 4, 5, 6]


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A child of a killed parent may wait to be buried by whoever adopted it.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def wait_for(is_so):
    for _ in range(200):
        if is_so():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come within 20 s")
