"""The steps of a promotion as jobs, each with its parent and its final folder."""

import sqlite3
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from automl.errors import UsageError
from automl.experiment.experiment import Experiment
from automl.jobs.parents import trial_job_id
from automl.jobs.record import Job, JobState
from automl.jobs.store import JobStore
from automl.redact import printable
from automl.skill.base import Result
from automl.trial.trial import Failure

IMAGE_COUNTS = "image_counts"
"""Artifact of an evaluation by which two models are compared; see `ComparingSkill`."""


@dataclass(frozen=True)
class Step:
    """One action of a promotion: its result, or its failure."""

    action: str
    folder: Path
    model: Path
    """The file that it ran on: from an earlier step or from the trial."""
    started: float
    ended: float
    result: Result | None = None
    failure: Failure | None = None
    """Its own, or a gate's that rejected its result."""


def keep_steps(
    experiment: Experiment,
    trial: int,
    steps: Sequence[Step],
    *,
    work: Path,
    target: Path,
    aside: Collection[str] = (),
) -> None:
    """Record the steps of a promotion as jobs, replacing those of an earlier one.

    `work` is the folder in which they ran, `target` the one it was moved to; its subfolders `aside`
    went to rejected/.
    """
    root = experiment.paths.root.resolve()
    above = f"{root.name}/{target.name}"
    rejected = f"{root.name}/{experiment.paths.rejected.name}"

    def job_id(folder: Path) -> str:
        parts = folder.relative_to(work).parts
        return "/".join([rejected if parts and parts[0] in aside else above, *parts])

    def parent(step: Step) -> str:
        makers = [s for s in steps if s.result and step.model in s.result.artifacts.values()]
        return job_id(makers[0].folder) if makers else trial_job_id(experiment.paths, trial)

    jobs = [
        Job(
            id=job_id(step.folder),
            action=step.action,
            skill=experiment.settings.skill,
            parent=parent(step),
            state=JobState.FAILED if step.failure else JobState.COMPLETED,
            created=step.started,
            started=step.started,
            ended=step.ended,
            metrics=dict(step.result.metrics) if step.result else {},
            artifacts=_artifacts(step),
            failure=step.failure,
        )
        for step in steps
    ]
    try:
        store = JobStore(root.parent)
        store.replace_below(above, *(job for job in jobs if job.id.startswith(above)))
        if aside:
            store.replace_below(rejected, *(job for job in jobs if job.id.startswith(rejected)))
    except (OSError, sqlite3.Error, UsageError) as error:
        text = printable(f"warning: the jobs of the promotion cannot be written ({error})")
        print(text, file=sys.stderr)


def _artifacts(step: Step) -> dict[str, str]:
    files = step.result.artifacts if step.result else {}
    return {
        name: str(path.relative_to(step.folder))
        for name, path in files.items()
        if path.is_relative_to(step.folder)
    }
