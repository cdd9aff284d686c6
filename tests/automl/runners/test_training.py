"""Trainings in processes of their own: two writers, and the death of whoever started them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from automl.machine.leash import descendants
from automl.runners.base import Task
from automl.runners.folder_lock import FolderLock, FolderLockedError
from automl.runners.training import TrainingProcess
from automl.schema.spec import with_values
from automl.skill.installed import load_skill
from automl.trial.trial import Decision, Outcome, TrialState


@pytest.fixture
def task(tmp_path, toy_data):
    def make(number=0, **train):
        spec = load_skill("toy").resolve("train", {"data.root": str(toy_data)})
        values = {f"train.{key}": value for key, value in train.items()}
        return Task(number, "toy", with_values(spec, values), str(tmp_path / f"{number:04d}"))

    return make


def test_a_second_process_waits_for_the_lock_of_a_trials_folder_and_gives_up(tmp_path):
    refused = pytest.raises(FolderLockedError, match="another process trains in this folder")
    with FolderLock(tmp_path), refused:
        FolderLock(tmp_path, patience_s=0.0).__enter__()
    with FolderLock(tmp_path, patience_s=0.0):
        pass


def test_one_process_trains_several_tasks_and_another_one_is_started_after_a_loss(task):
    pids = []
    with TrainingProcess() as process:
        for number, fail in enumerate(["", "", "always", ""]):
            process.run(task(number, fail=fail), lambda *_: Decision.CONTINUE)
            pids.append(process._pid)
    assert pids[0] == pids[1] == pids[2] != pids[3]


def test_a_skill_is_loaded_before_the_first_task(task, tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_PRELOADED", str(tmp_path / "preloaded"))
    with TrainingProcess() as process:
        process.preload("toy")
        wait_for((tmp_path / "preloaded").exists)
        pid = process._pid
        assert process.run(task(), lambda *_: Decision.CONTINUE) == Outcome(TrialState.COMPLETED)
        assert process._pid == pid


def test_a_skill_that_cannot_be_loaded_yet_leaves_the_error_to_its_training(
    task, tmp_path, monkeypatch
):
    monkeypatch.setenv("TOY_PRELOADED", str(tmp_path / "nowhere" / "preloaded"))
    with TrainingProcess() as process:
        process.preload("toy")
        assert process.run(task(), lambda *_: Decision.CONTINUE) == Outcome(TrialState.COMPLETED)


@pytest.mark.parametrize(("threads", "is_safe"), [("1", True), ("2", False)])
def test_the_thread_of_pyarrows_allocator_allows_a_fork_and_a_pool_of_openblas_does_not(
    threads, is_safe
):
    code = (
        "from pathlib import Path\n"
        "import numpy, pyarrow\n"
        "from automl.runners.training import _is_safe_to_fork\n"
        "print(*(task.read_text().strip() for task in Path('/proc/self/task').glob('*/comm')))\n"
        "print(_is_safe_to_fork())"
    )
    names, answer = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "OPENBLAS_NUM_THREADS": threads},
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    assert "jemalloc_bg_thd" in names
    assert answer == str(is_safe)


def test_a_driver_that_is_itself_a_fork_may_fork_its_worker():
    code = (
        "import os\n"
        "from automl.runners.training import _is_safe_to_fork\n"
        "if not os.fork():\n"
        "    print(_is_safe_to_fork(), flush=True)\n"
        "    os._exit(0)\n"
        "os.wait()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_beside_threads_of_libraries_a_new_python_trains(task, monkeypatch):
    monkeypatch.setattr("automl.runners.training._is_safe_to_fork", lambda: False)
    reports = []
    with TrainingProcess() as process:
        outcome = process.run(task(), lambda epoch, _: reports.append(epoch) or Decision.CONTINUE)
    assert (outcome, reports) == (Outcome(TrialState.COMPLETED), [1, 2, 3, 4])


def test_a_training_dies_with_a_driver_that_is_killed(task, tmp_path):
    code = (
        "from automl.runners.base import Task\n"
        "from automl.runners.training import TrainingProcess\n"
        f"TrainingProcess().run(Task(**{task(fail='hang').to_dict()!r}), print)"
    )
    driver = subprocess.Popen([sys.executable, "-c", code])
    wait_for(lambda: (tmp_path / "0000" / "epochs.txt").exists())
    pids = descendants(driver.pid)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert len(pids) == 2
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
    with FolderLock(tmp_path / "0000", patience_s=0.0):
        pass


def wait_for(is_so, limit=20):
    deadline = time.monotonic() + limit
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)
