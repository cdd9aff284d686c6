"""Runs a job in this process and records how it ended."""

import os
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from automl.errors import AutomlError, RunFailed, UsageError
from automl.experiment.lock import ExperimentLock
from automl.experiment.paths import ExperimentPaths
from automl.jobs.mappings import Context, mapped
from automl.jobs.parents import own_source
from automl.jobs.record import Job, JobState
from automl.jobs.store import DEFAULT_ROOT, JobStore
from automl.redact import redacted
from automl.schema.spec import flatten, unflatten
from automl.skill.base import Result
from automl.skill.failures import failure_from_error, faults_of_the_user
from automl.skill.info import SkillInfo
from automl.skill.installed import load_skill
from automl.trial.trial import Decision


def run_job(job_id: str, *, root: Path = DEFAULT_ROOT) -> Job:
    """Run a job in this process and return it as it ended; an interrupted training resumes.

    Raises `UsageError` for a fault of spec or data, `RunFailed` for any other failure; both are
    recorded with the job. An interrupt is recorded as canceled and re-raised.
    """
    store = JobStore(root)
    job = store.get(job_id)
    _check_can_run(job)
    folder = store.folder(job).resolve()
    skill = load_skill(job.skill)
    listener = _EpochListener(skill.info)
    with ExperimentLock(ExperimentPaths(folder)):
        running = replace(job, state=JobState.RUNNING, started=job.started or time.time(),
                          ended=None, failure=None, pid=os.getpid())  # fmt: skip
        store.put(running)
        with _end_recorded(store, running, listener, folder), faults_of_the_user():
            spec = _spec_of_run(job, listener.info, folder)
            report = listener if job.action == "train" else None
            result = skill.run(job.action, spec, folder, report)
        done = listener.with_epochs(_finished(running, result, folder))
        store.put(done)
    return done


@contextmanager
def _end_recorded(
    store: JobStore, job: Job, listener: "_EpochListener", folder: Path
) -> Iterator[None]:
    """Record an early end with the job, and re-raise its error for the command line."""
    try:
        yield
    except KeyboardInterrupt:
        store.put(listener.with_epochs(_ended(job, JobState.CANCELED)))
        raise
    except Exception as error:  # A skill may raise anything; a failed job is data.
        with (folder / "log.txt").open("a") as log:
            log.write(redacted(traceback.format_exc()))
        failed = replace(_ended(job, JobState.FAILED), failure=failure_from_error(error))
        store.put(listener.with_epochs(failed))
        raise _for_command_line(error, failed, folder) from error


@dataclass
class _EpochListener:
    """Receives a training's reports and knows the epochs of its best and last checkpoint."""

    info: SkillInfo
    values: dict[int, float] = field(default_factory=dict)

    def __call__(self, epoch: int, metrics: dict[str, float]) -> str:
        self.values[epoch] = self.info.training_objective.value(metrics)
        return Decision.CONTINUE.value

    def with_epochs(self, job: Job) -> Job:
        """Return a job with the reported epochs."""
        if not self.values:
            return job
        best = self.info.training_objective.best(self.values.values())
        first = next((e for e, value in sorted(self.values.items()) if value == best), None)
        return replace(job, best_epoch=first, last_epoch=max(self.values))


def _spec_of_run(job: Job, info: SkillInfo, folder: Path) -> dict[str, Any]:
    """Return the spec on disk; an interrupted training resumes from its own last checkpoint."""
    spec: dict[str, Any] = yaml.safe_load((folder / "spec.yaml").read_text(encoding="utf-8"))
    if job.started is None or job.action != "train":
        return spec
    from_disk = flatten(spec)
    context = Context(folder, own_source(info, folder), values=from_disk)
    return unflatten({**from_disk, **mapped(info, job.action, context)})


def _check_can_run(job: Job) -> None:
    if job.state in (JobState.RUNNING, JobState.COMPLETED):
        raise UsageError(f"job {job.id}: is {job.state}; look at it with: automl job show {job.id}")


def _ended(job: Job, state: JobState) -> Job:
    return replace(job, state=state, ended=time.time())


def _finished(job: Job, result: Result, folder: Path) -> Job:
    files = {
        name: str(path.relative_to(folder) if path.is_relative_to(folder) else path)
        for name, path in result.artifacts.items()
    }
    return replace(_ended(job, JobState.COMPLETED), metrics=dict(result.metrics), artifacts=files)


def _for_command_line(error: Exception, job: Job, folder: Path) -> AutomlError:
    if isinstance(error, AutomlError):
        return error
    failure = job.failure
    text = f"{failure.kind}: {failure.message}" if failure else str(error)
    return RunFailed(f"job {job.id} failed: {text} (log: {folder / 'log.txt'})")
