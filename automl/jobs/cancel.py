"""Ends a job: its process is asked to stop, and what has none is marked as canceled."""

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
    """Cancel a job and return it as it stands then.

    A search that is canceled is stopped and can be resumed. Raises `UsageError` for a job that has
    ended and for a trial, which is its searcher's to stop; `RunFailed` where it does not end.
    """
    store = JobStore(root)
    job = store.get(job_id)
    if store.driver_folder(job) != store.folder(job):
        raise UsageError(
            f"job {job.id}: is a trial, which the search stops by itself; "
            f"cancel the search: automl job cancel {job.parent}"
        )
    if job.state in (JobState.PENDING, JobState.LOST):
        store.put(replace(job, state=JobState.CANCELED, ended=time.time()))
    elif job.state is JobState.RUNNING and job.pid is not None:
        # The folder's lock is held, so the process of this id is the job's own.
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
