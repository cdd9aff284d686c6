import pytest

from automl.errors import RunFailed
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
