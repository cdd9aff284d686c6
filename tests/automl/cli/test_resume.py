import json
import os
import signal
import subprocess
import time

import pytest
from warm import pid_of

from automl.experiment.journal import Journal

LOCAL = ("--runner", "local", "--tracker", "none")


@pytest.mark.parametrize(
    ("number", "code", "state"),
    [(signal.SIGINT, 130, "stopped"), (signal.SIGTERM, 75, "stopped"),
     (signal.SIGKILL, -9, "interrupted")],
)  # fmt: skip
def test_a_stopped_run_says_so_and_is_resumed(
    tmp_path, toy_data, automl, commands, number, code, state
):
    words = ["run", "--skill", "toy", "--data", str(toy_data), *LOCAL, "--out", "exp",
             "--trials", "2", "--epochs", "4", "--algorithm", "tpe",
             "train.pause_s=0.3"]  # fmt: skip
    child = subprocess.Popen(
        [commands / "automl", *words],
        cwd=tmp_path, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    _wait_for_reports(tmp_path / "exp" / "journal.jsonl", 2)
    os.kill(pid_of(child), number)
    _, stderr = child.communicate(timeout=60)
    assert child.returncode == code, stderr
    assert "Traceback" not in stderr
    assert json.loads(automl("status", "exp", "--json").stdout)["state"] == state
    resumed = automl("resume", "exp", "--json")
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)["state"] == "finished"
    log = (tmp_path / "exp" / "trials" / "0000" / "epochs.txt").read_text().split()
    assert log[:2] == ["from", "0"] and log[3] != "0"


@pytest.mark.parametrize(
    ("number", "code", "kind"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 75, "stopped")],
)
def test_a_run_stopped_before_its_session_begins_is_resumed(
    tmp_path, toy_data, automl, commands, number, code, kind
):
    child = _started(commands, tmp_path, toy_data)
    while not (tmp_path / "exp" / "settings.yaml").exists():
        assert child.poll() is None
    child.send_signal(number)
    stdout, stderr = child.communicate(timeout=60)
    assert child.returncode == code, stderr
    error = json.loads(stdout)["error"]
    assert (error["kind"], error["next"]) == (kind, "automl resume exp")
    assert error["message"].endswith("; resume it: automl resume exp")
    assert automl("resume", "exp").returncode == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 75)])
def test_a_run_stopped_before_anything_is_written_says_so(
    tmp_path, toy_data, commands, number, code
):
    child = _started(commands, tmp_path, toy_data)
    assert "reading the skill" in child.stderr.readline()
    child.send_signal(number)
    stdout, stderr = child.communicate(timeout=60)
    assert child.returncode == code, stderr
    assert "no experiment had begun" in json.loads(stdout)["error"]["message"]
    assert not (tmp_path / "exp").exists()


def _started(commands, folder, data):
    words = ["run", "--skill", "toy", "--data", str(data), *LOCAL, "--out", "exp",
             "--trials", "1", "--epochs", "1", "--json"]  # fmt: skip
    return subprocess.Popen(
        [commands / "automl", *words],
        cwd=folder, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def _wait_for_reports(path, count):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if path.exists() and sum(e["event"] == "report" for e in Journal(path).read()) >= count:
            return
        time.sleep(0.1)
    raise AssertionError("no reports within 120 s")
