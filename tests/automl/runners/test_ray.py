import json
import logging
import os
import signal
import subprocess
import sys
import time

import pytest
from warm import pid_of

from automl.errors import UsageError
from automl.experiment.journal import Journal

pytestmark = pytest.mark.slow


def words(toy_data, *more):
    """Return a command; its search pauses no trial, unless an algorithm is given that does."""
    more = more if "--algorithm" in more else (*more, "--algorithm", "tpe")
    return ["run", "--skill", "toy", "--data", str(toy_data), "--tracker", "none", "--out", "exp",
            "--concurrency", "2", "--quiet", *map(str, more)]  # fmt: skip


@pytest.fixture
def joining(toy_data, ray_head):
    """Return a function that makes such a command on the Ray that the tests share."""
    return lambda *more: words(toy_data, "--address", ray_head, *more)


def test_two_trials_run_at_once_and_slots_never_stand_empty(automl, joining, tmp_path):
    result = automl(*joining("--trials", 6, "--epochs", 3, "--json", "train.pause_s=0.1"))
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["state"] == "finished"
    assert {t["state"] for t in told["trials"]} <= {"completed", "stopped"}
    running, most = set(), 0
    for event in Journal(tmp_path / "exp" / "journal.jsonl").read():
        if event["event"] == "start":
            running.add(event["trial"])
        elif event["event"] == "finish":
            running.remove(event["trial"])
        most = max(most, len(running))
    assert most == 2


@pytest.mark.parametrize("algorithm", ["auto", "tpe"])
def test_on_one_worker_ray_and_local_make_the_same_search(automl, toy_data, joining, algorithm):
    same = ("--trials", 5, "--epochs", 9, "--json", "--algorithm", algorithm)
    ray = automl(*joining(*same, "--concurrency", 1))
    local = automl("run", "--skill", "toy", "--data", toy_data, "--tracker", "none",
                   "--runner", "local", "--out", "local", *same)  # fmt: skip
    trials = [
        [{k: t[k] for k in ("values", "state", "value", "epochs")} for t in json.loads(r)["trials"]]
        for r in (ray.stdout, local.stdout)
    ]
    assert trials[0] == trials[1]


def test_a_trial_whose_worker_dies_goes_on_from_its_checkpoint(automl, joining, tmp_path):
    result = automl(*joining("--trials", 2, "--epochs", 3, "--json", "train.fail=once",
                             "--algorithm", "random", "--concurrency", 1))  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert {t["epochs"] for t in json.loads(result.stdout)["trials"]} == {3}
    assert (tmp_path / "exp/trials/0000/epochs.txt").read_text() == "from 0\nfrom 1\n"


def test_a_trial_whose_workers_always_die_fails_as_lost(automl, joining):
    result = automl(*joining("--trials", 1, "--epochs", 3, "--json", "train.fail=always"))
    (trial,) = json.loads(result.stdout)["trials"]
    assert trial["failure"]["kind"] == "lost"
    assert trial["failure"]["message"] == "the training's process died of SIGKILL"
    assert trial["value"] is None
    assert result.returncode == 1
    assert "Traceback" not in result.stderr


def test_a_killed_driver_leaves_no_worker_and_is_resumed(automl, commands, toy_data, tmp_path):
    driver = subprocess.Popen(
        [commands / "automl",
         *words(toy_data, "--trials", 4, "--epochs", 4, "train.pause_s=0.5")],
        cwd=tmp_path, env=os.environ,
    )  # fmt: skip
    journal = tmp_path / "exp" / "journal.jsonl"
    deadline = time.monotonic() + 60
    while _count(journal, "report") < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    os.kill(pid_of(driver), signal.SIGKILL)
    driver.wait()
    before = [e for e in Journal(journal).read() if e["event"] == "finish"]
    time.sleep(2)
    sizes = _sizes(tmp_path)
    time.sleep(1.5)
    assert _sizes(tmp_path) == sizes
    resumed = automl("resume", "exp", "--json", "--quiet")
    assert resumed.returncode == 0, resumed.stderr
    epochs = {}
    for event in Journal(journal).read():
        if event["event"] == "report":
            epochs.setdefault(event["trial"], []).append(event["epoch"])
    assert all(e == list(range(1, len(e) + 1)) for e in epochs.values())
    for event in before:
        log = tmp_path / "exp" / "trials" / f"{event['trial']:04d}" / "epochs.txt"
        assert log.read_text() == "from 0\n"


def test_a_home_that_cannot_be_written_keeps_no_search_from_ray(toy_data, tmp_path):
    home = tmp_path / "home"
    home.write_text("no folder")
    command = [sys.executable, "-m", "automl", *words(toy_data, "--trials", 1, "--epochs", 1)]
    environment = {key: value for key, value in os.environ.items() if key != "RAY_AUTH_MODE"}
    done = subprocess.run(
        command, cwd=tmp_path, env={**environment, "HOME": str(home)}, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 75)])
def test_a_stopped_run_on_ray_says_so_and_can_be_resumed(
    joining, tmp_path, automl, commands, number, code
):
    driver = subprocess.Popen(
        [commands / "automl", *joining("--trials", 3, "train.pause_s=0.3")],
        cwd=tmp_path, env=os.environ, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    journal = tmp_path / "exp" / "journal.jsonl"
    deadline = time.monotonic() + 60
    while _count(journal, "report") < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    driver.send_signal(number)
    _, stderr = driver.communicate(timeout=60)
    assert driver.returncode == code, stderr
    assert "Traceback" not in stderr
    assert json.loads(automl("status", "exp", "--json").stdout)["state"] == "stopped"
    assert automl("resume", "exp", "--quiet").returncode == 0


def _count(journal, kind):
    return sum(e["event"] == kind for e in Journal(journal).read()) if journal.exists() else 0


def _sizes(folder):
    return {p: p.stat().st_size for p in (folder / "exp").rglob("*") if p.is_file()}


@pytest.mark.parametrize("algorithm", ["asha", "pbt"])
def test_paused_trials_free_their_slot_and_come_back_on_ray(automl, joining, tmp_path, algorithm):
    settings = ("--set", "population_size=4", "--set", "eval_interval=2")
    result = automl(*joining("--trials", 7, "--epochs", 6, "--algorithm", algorithm,
                             *(settings if algorithm == "pbt" else ()), "--json"))  # fmt: skip
    assert result.returncode == 0, result.stderr
    events = list(Journal(tmp_path / "exp" / "journal.jsonl").read())
    paused = [e["trial"] for e in events if e["event"] == "finish" and e["state"] == "paused"]
    resumed = [e["trial"] for e in events if e["event"] == "continue"]
    assert len(set(paused)) > 2 and resumed and set(resumed) <= set(paused)
    epochs = {}
    for event in events:
        if event["event"] == "report":
            epochs.setdefault(event["trial"], []).append(event["epoch"])
    assert all(e == list(range(e[0], e[-1] + 1)) for e in epochs.values())
    states = {t["state"] for t in json.loads(result.stdout)["trials"]}
    assert states <= {"completed", "stopped"} and "completed" in states


def test_a_search_leaves_rays_globals_and_the_environment_as_they_were(ray_head):
    from ray.tune.execution.class_cache import DEFAULT_ENV_VARS, ENV_VARS_TO_PROPAGATE

    from automl.runners.ray_session import ray_session

    names = ("RAY_USAGE_STATS_ENABLED", "RAY_AIR_NEW_OUTPUT", "TUNE_DISABLE_SIGINT_HANDLER")

    def state():
        level = logging.getLogger("ray.tune").level
        variables = set(ENV_VARS_TO_PROPAGATE), dict(DEFAULT_ENV_VARS)
        return {n: os.environ.get(n) for n in names}, variables, level

    before = state()
    # Ray keeps a process's way of authentication: every test in this one joins the same cluster.
    with ray_session(ray_head, meanwhile=lambda: None):
        assert state()[0] == {**dict.fromkeys(names, "1"), names[0]: "0", names[1]: "0"}
        assert not any(name.startswith("AWS_") for name in ENV_VARS_TO_PROPAGATE)
        assert not DEFAULT_ENV_VARS
    assert state() == before


def test_a_ray_that_the_process_uses_already_is_refused_and_left_up(ray_head):
    import ray

    from automl.runners.ray_session import ray_session

    ray.init(ray_head, log_to_driver=False)
    try:
        with (
            pytest.raises(UsageError, match="uses Ray already"),
            ray_session(ray_head, lambda: None),
        ):
            pass
        assert ray.is_initialized()
    finally:
        ray.shutdown()
