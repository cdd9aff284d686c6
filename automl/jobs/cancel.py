"""Cancels a job: its process is asked to stop; a job without one is marked as canceled."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

from automl.errors import RunFailed, UsageError
from automl.jobs.record import Job, JobState
from automl.jobs.store import DEFAULT_ROOT, JobStore

_PATIENCE_S = 60.0
_POLL_S = 0.1


def cancel_job(job_id: str, *, root: Path = DEFAULT_ROOT) -> Job:
    """Cancel a job and return it with its new state.

    A canceled search is stopped and can be resumed. Raises `UsageError` for a job that has ended
    and for a trial, which only its search may stop; `RunFailed` if the process does not end.
    """
    store = JobStore(root)
    job = store.get(job_id)
    if store.driver_folder(job) != store.folder(job):
        raise UsageError(
            f"job {job.id}: is a trial, which its search must stop: "
            f"automl stop {store.driver_folder(job)} --trial {int(Path(job.id).name)}; "
            f"cancel the search: automl job cancel {job.parent}"
        )
    if job.state in (JobState.PENDING, JobState.LOST):
        store.put(replace(job, state=JobState.CANCELED, ended=time.time()))
    elif job.state is JobState.RUNNING and job.pid is not None:
        # The lock on the folder is held, so this process id is still the job's own.
        os.kill(job.pid, signal.SIGTERM)
        _wait(store, job)
    else:
        raise UsageError(f"job {job.id}: is {job.state} already")
    return store.get(job_id)


def _wait(store: JobStore, job: Job) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if store.get(job.id).state is not JobState.RUNNING:
            return
        time.sleep(_POLL_S)
    raise RunFailed(f"job {job.id}: process {job.pid} has not ended within {_PATIENCE_S:.0f} s")
