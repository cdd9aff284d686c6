"""The record of a job: one run of one action, with an id, a parent and a folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from automl.trial.trial import Failure

EXPERIMENT = "experiment"
"""The action of a job that is a search; its trials are its children."""


class JobState(StrEnum):
    """The state of a job. Lost is never stored: a running job shows it if its process died."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    STOPPED = "stopped"
    FAILED = "failed"
    CANCELED = "canceled"
    LOST = "lost"

    @property
    def is_over(self) -> bool:
        """Whether the job has ended, as far as it is up to itself."""
        return self not in (JobState.PENDING, JobState.RUNNING, JobState.PAUSED)


@dataclass(frozen=True)
class Job:
    """A job as the database holds it; times are seconds since 1970."""

    id: str
    """Also its folder, relative to the root of all jobs."""
    action: str
    skill: str
    parent: str | None = None
    state: JobState = JobState.PENDING
    created: float = 0.0
    started: float | None = None
    ended: float | None = None
    pid: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    artifacts: Mapping[str, str] = field(default_factory=dict)
    """Files by name, relative to the job's folder."""
    failure: Failure | None = None
    best_epoch: int | None = None
    """The epoch of the best checkpoint; None if the job trains nothing."""
    last_epoch: int | None = None

    def to_dict(self, root: Path) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        failure = self.failure
        return {
            "job": self.id,
            "action": self.action,
            "skill": self.skill,
            "parent": self.parent,
            "state": self.state.value,
            "folder": str(root / self.id),
            "created": self.created,
            "started": self.started,
            "ended": self.ended,
            "metrics": dict(self.metrics),
            "artifacts": {n: str(root / self.id / path) for n, path in self.artifacts.items()},
            "failure": None if failure is None else failure.to_dict(),
        }
