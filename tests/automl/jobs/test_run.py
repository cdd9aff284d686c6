import os
import signal

import pytest
from warm import pid_of

from automl.errors import RunFailed, UsageError
from automl.jobs.create import create_job
from automl.jobs.run import run_job
from automl.jobs.store import JobStore


def test_the_trace_of_a_failed_job_is_kept_without_secrets(tmp_path, toy_data, monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "toy: broke")  # The text of the error that it raises.
    spec = {"data.root": str(toy_data), "train.fail": "crash"}
    job = create_job("train", "toy", spec, root=tmp_path)
    with pytest.raises(RunFailed, match="log.txt"):
        run_job(job.id, root=tmp_path)
    log = (tmp_path / job.id / "log.txt").read_text()
    assert "ValueError: ***" in log and "toy: broke" not in log
    assert "toy: broke" not in JobStore(tmp_path).get(job.id).failure.message


def test_a_job_is_pending_then_completed_with_its_results_in_its_folder(root, toy_data):
    job = create_job("train", "toy", {"data": {"root": str(toy_data)}}, root=root)
    assert JobStore(root).get(job.id).state == "pending"
    done = run_job(job.id, root=root)
    assert done.state == "completed" and done.metrics["score"] > 0
    assert (root / job.id / done.artifacts["best"]).exists()
    assert (done.best_epoch, done.last_epoch) == (4, 4)
    assert JobStore(root).get(job.id) == done


def test_a_failure_is_kept_with_its_kind_and_its_trace(root, toy_data):
    job = create_job("train", "toy", {"data.root": str(toy_data), "train.fail": "crash"}, root=root)
    with pytest.raises(RunFailed, match="crashed: ValueError: toy: broke .log: "):
        run_job(job.id, root=root)
    failed = JobStore(root).get(job.id)
    assert (failed.state, failed.failure.kind) == ("failed", "crashed")
    assert "ValueError: toy: broke" in (root / job.id / "log.txt").read_text()


def test_a_job_that_is_over_is_not_run_again(root, trained):
    with pytest.raises(UsageError, match="is completed; look at it with: automl job show"):
        run_job(trained.id, root=root)


def test_a_job_whose_process_was_killed_is_lost_and_goes_on_where_it_was(root, running):
    job, child = running
    assert job.state == "running"
    with pytest.raises(UsageError, match="is running; look at it"):
        run_job(job.id, root=root)
    os.kill(pid_of(child), signal.SIGKILL)
    child.wait()
    assert JobStore(root).get(job.id).state == "lost"
    done = run_job(job.id, root=root)
    starts = (root / job.id / "epochs.txt").read_text().splitlines()
    assert (done.state, done.last_epoch) == ("completed", 20)
    assert starts[0] == "from 0" and len(starts) == 2 and starts[1] != "from 0"
