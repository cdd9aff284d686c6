import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from toy_skill import ToySkill

from automl.experiment.journal import Journal

LOCAL = ("--runner", "local", "--tracker", "none")


@pytest.fixture
def run(automl, toy_data):
    def call(*words, **options):
        return automl("run", "--skill", "toy", "--data", toy_data, *LOCAL, *words, **options)

    return call


def test_json_is_alone_on_stdout_and_status_prints_the_same(run, automl):
    result = run("--trials", 3, "--out", "exp", "--json")
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert set(told) >= {"experiment", "state", "objective", "best", "trials", "promotion"}
    assert told["objective"] == {"metric": "score", "mode": "max"}
    assert set(told["trials"][0]) >= {
        "trial", "state", "value", "epochs", "seconds", "values", "failure",
    }  # fmt: skip
    assert told["promotion"]["parity"]["is_equal"] is True
    assert json.loads(automl("status", "exp", "--json").stdout) == told
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    assert lines[0]["what"] == "said" and lines[-1]["what"] == "closed"


def test_the_text_names_the_leaderboard_the_places_and_the_next_command(run):
    result = run("--trials", 3, "--out", "exp")
    for text in ("0000 (defaults)", "best: trial", "promoted: ", "journal: ", "next: "):
        assert text in result.stdout
    assert "trial 0000 starts: the defaults" in result.stderr


def test_an_overlay_and_the_flags_of_the_space_shape_every_trial(run, tmp_path):
    (tmp_path / "mine.yaml").write_text("parameters: {train.width: {choices: [4, 16]}}")
    words = ("--space", "mine.yaml", "--search", "train.lr=log(1e-4,2e-4)", "--fix")
    result = run("--trials", 4, "--out", "exp", "--json", *words, "train.flip.enable=false")
    assert result.returncode == 0, result.stderr
    values = [trial["values"] for trial in json.loads(result.stdout)["trials"]]
    assert {v["train.width"] for v in values} <= {4, 16}
    assert all(1e-4 <= v["train.lr"] <= 2e-4 for v in values)
    assert all("train.flip.enable" not in v and "train.flip.p" not in v for v in values)


def test_quiet_says_nothing_but_the_result(run):
    assert run("--trials", 1, "--out", "exp", "--quiet").stderr == ""


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["train.lrr=1"], "train.lrr: unknown key; did you mean train.lr?"),
        (["train.width=65"], "train.width: 65 is not allowed: must be an int in [1, 64]"),
        (["train.lr"], "'train.lr' is not understood"),
        (["train.kind=odd"], "train.kind: odd is not allowed with this width"),
        (["train.results_dir=x"], "train.results_dir: cannot be set here"),
        (["--epochs", "3", "train.epochs=4"], "--epochs 3 and train.epochs=4 disagree"),
        (["--space", "wied"], "--space: 'wied' is not one of"),
        (["--search", "train.lr=lag(1,2)"], "did you mean log?"),
        (["--policy", "off", "--search", "train.lr=auto"], "--search have no use here"),
        (["--policy", "never"], "--policy: 'never' is not one of auto, off"),
        (["--policy", "off", "--trials", "3"], "--trials: 3 has no use here"),
        (["--policy", "auto", "automl_policy=off"], "disagree"),
        (["--trials", "0"], "--trials: 0 is not allowed"),
        (["--tracker", "mlfow"], "did you mean mlflow?"),
        (["--data", "nowhere"], "no such folder"),
    ],
)  # fmt: skip
def test_a_fault_of_the_user_is_one_clear_line_and_exit_2(run, tmp_path, words, match):
    result = run("--out", "exp", *words)
    assert result.returncode == 2
    assert match in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "exp").exists()


def test_an_unknown_skill_gets_the_nearest_name(automl):
    result = automl("run", "--skill", "tou", "--data", ".")
    assert (result.returncode, result.stdout) == (2, "")
    assert "did you mean toy?" in result.stderr


def test_missing_data_names_the_flag(automl):
    result = automl("run", "--skill", "toy", *LOCAL)
    assert result.returncode == 2
    assert "--data is missing" in result.stderr


def test_a_folder_that_is_taken_is_refused_and_resume_is_named(run, tmp_path):
    run("--trials", 1, "--out", "exp")
    result = run("--trials", 1, "--out", "exp")
    assert result.returncode == 2
    assert "already holds an experiment; resume it with: automl resume" in result.stderr
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes").touch()
    assert "is not empty" in run("--out", "other").stderr


def test_status_of_something_else_is_refused(automl, tmp_path):
    result = automl("status", tmp_path)
    assert result.returncode == 2
    assert "is not an experiment folder" in result.stderr


def test_automl_policy_among_the_settings_is_the_flag(run):
    told = json.loads(run("--out", "exp", "--json", "automl_policy=off").stdout)
    assert told["policy"] == "off"
    assert [t["values"] for t in told["trials"]] == [{}]


def test_the_request_in_words_is_the_flag_and_the_json_says_which_way_was_taken(run):
    told = json.loads(run("--out", "exp", "--json", "--request", "train it, no HPO please").stdout)
    assert told["route"]["way"] == "direct"
    assert "automl_policy is off" in told["route"]["reason"]
    words = ("--request", "Don't turn off AutoML", "--trials", 1)
    assert json.loads(run("--out", "two", "--json", *words).stdout)["route"]["way"] == "search"


@pytest.mark.parametrize("is_gone", [False, True])
def test_without_a_schema_it_trains_directly_says_so_and_exits_3(run, automl, tmp_path, is_gone):
    shutil.copytree(ToySkill.folder.parent, tmp_path / "toy")
    schemas = tmp_path / "toy" / "toy_skill" / "schemas"
    if is_gone:
        shutil.rmtree(schemas)
    else:
        (schemas / "train.schema.json").write_text("{")
    path = os.pathsep.join([str(tmp_path / "toy"), os.environ["PYTHONPATH"]])
    result = run("--out", "exp", "--json", "--quiet", PYTHONPATH=path)
    assert result.returncode == 3, result.stderr
    assert "AutoML is enabled for toy but not runnable until its schemas" in result.stderr
    told = json.loads(result.stdout)
    assert (told["state"], told["route"]["way"], told["route"]["is_fallback"]) == (
        "finished", "direct", True,
    )  # fmt: skip
    assert "not runnable" in automl("status", "exp").stdout
    assert run("--out", "two", "--policy", "off", PYTHONPATH=path).returncode == 0


def test_shorthand_keys_are_accepted(run, tmp_path):
    assert run("--out", "exp", "--trials", 1, "learning_rate=2e-2").returncode == 0
    assert "lr: 0.02" in (tmp_path / "exp" / "trials" / "0000" / "spec.yaml").read_text()


def test_a_failed_run_exits_1_with_the_cause_and_its_state(run):
    result = run("--out", "exp", "--json", "train.fail=crash")
    assert result.returncode == 1
    assert "crashed: ValueError: toy: broke" in result.stderr
    told = json.loads(result.stdout)
    assert told["state"] == "failed" and told["best"] is None
    assert told["trials"][0]["failure"]["kind"] == "crashed"


@pytest.mark.parametrize(
    ("number", "code", "state"),
    [(signal.SIGINT, 130, "stopped"), (signal.SIGTERM, 75, "stopped"),
     (signal.SIGKILL, -9, "interrupted")],
)  # fmt: skip
def test_a_stopped_run_says_so_and_is_resumed(tmp_path, toy_data, automl, number, code, state):
    words = ["run", "--skill", "toy", "--data", str(toy_data), *LOCAL, "--out", "exp",
             "--trials", "2", "--epochs", "4", "--algorithm", "tpe",
             "train.pause_s=0.3"]  # fmt: skip
    child = subprocess.Popen(
        [sys.executable, "-m", "automl", *words],
        cwd=tmp_path, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    _wait_for_reports(tmp_path / "exp" / "journal.jsonl", 2)
    child.send_signal(number)
    _, stderr = child.communicate(timeout=60)
    assert child.returncode == code, stderr
    assert "Traceback" not in stderr
    assert json.loads(automl("status", "exp", "--json").stdout)["state"] == state
    resumed = automl("resume", "exp", "--json")
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)["state"] == "finished"
    log = (tmp_path / "exp" / "trials" / "0000" / "epochs.txt").read_text().split()
    assert log[:2] == ["from", "0"] and log[3] != "0"


def _wait_for_reports(path, count):
    for _ in range(300):
        if path.exists() and sum(e["event"] == "report" for e in Journal(path).read()) >= count:
            return
        time.sleep(0.1)
    raise AssertionError("no reports within 30 s")


def test_data_sample_writes_a_set_and_refuses_a_full_folder(automl, tmp_path):
    assert automl("data", "sample", "set", "--skill", "toy", "--seed", 3).returncode == 0
    assert (tmp_path / "set" / "data.txt").read_text() == "3"
    result = automl("data", "sample", "set", "--skill", "toy")
    assert result.returncode == 2
    assert "is not empty" in result.stderr
