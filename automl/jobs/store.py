"""The jobs below one root, in a sqlite database: one writer at a time, anybody reads.

Writers take a lock of their own before they open the database, so that none finds it locked. That
a running job's process is alive is told by the lock on its folder, which the kernel frees.
"""

import fcntl
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from automl.errors import UsageError, nearest
from automl.experiment.lock import is_driven
from automl.experiment.paths import ExperimentPaths
from automl.files import json_text
from automl.jobs.record import EXPERIMENT, Job, JobState
from automl.trial.numbers import metrics_from_json
from automl.trial.trial import Failure, FailureKind

_COLUMNS = (
    "id", "action", "skill", "parent", "state", "created", "started", "ended", "pid", "metrics",
    "artifacts", "failure_kind", "failure_message", "best_epoch", "last_epoch",
)  # fmt: skip
_TABLE = f"""CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, {", ".join(f"{name}" for name in _COLUMNS[1:])})"""


class JobStore:
    """The jobs whose folders lie in `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / "jobs.db"

    def put(self, *jobs: Job) -> None:
        """Write jobs as they stand, new or known, all or none."""
        with self._writing() as database:
            _insert(database, jobs)

    def replace_below(self, above: str, *jobs: Job) -> None:
        """Write jobs in place of the job of an id and all whose folders are in its folder."""
        with self._writing() as database:
            # Not LIKE, to which an underscore is a wildcard.
            database.execute(
                "DELETE FROM jobs WHERE id = ? OR substr(id, 1, ?) = ?",
                [above, len(above) + 1, f"{above}/"],
            )
            _insert(database, jobs)

    def jobs(self, *, parent: str | None = None) -> list[Job]:
        """Return all jobs, or the children of one, oldest first, in the state they are shown in."""
        where, values = ("WHERE parent = ?", [parent]) if parent is not None else ("", [])
        return [self._shown(job) for job in self._read(f"{where} ORDER BY created, id", values)]

    def get(self, job_id: str) -> Job:
        """Return a job in the state it is shown in; raises `UsageError` with the nearest id."""
        found = self._read("WHERE id = ?", [job_id])
        if not found:
            known = [job.id for job in self._read("ORDER BY created DESC LIMIT 200", [])]
            there = f"; the last are {', '.join(known[:5])}" if known else "; there is none"
            raise UsageError(f"there is no job {job_id!r} in {self.root}"
                             f"{nearest(job_id, known) or there}")  # fmt: skip
        return self._shown(found[0])

    def folder(self, job: Job) -> Path:
        """Return where a job's results are."""
        return self.root / job.id

    def driver_folder(self, job: Job) -> Path:
        """Return the folder whose lock the job's process holds: a trial's is the experiment's."""
        is_trial = job.parent is not None and job.id.startswith(f"{job.parent}/trials/")
        return self.root / job.parent if is_trial and job.parent else self.folder(job)

    def _shown(self, job: Job) -> Job:
        is_running = job.state is JobState.RUNNING
        if is_running and not is_driven(ExperimentPaths(self.driver_folder(job))):
            return replace(job, state=JobState.LOST)
        return job

    def _read(self, rest: str, values: list[Any]) -> list[Job]:
        if not self.path.exists():
            return []
        with closing(
            sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=30)
        ) as database:
            rows = database.execute(
                f"SELECT {', '.join(_COLUMNS)} FROM jobs {rest}",
                values,
            ).fetchall()
        return [_job(row) for row in rows]

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".jobs.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with closing(sqlite3.connect(self.path, timeout=30)) as database:
                database.execute("PRAGMA journal_mode = WAL")
                with database:
                    database.execute(_TABLE)
                    yield database


def _insert(database: sqlite3.Connection, jobs: Sequence[Job]) -> None:
    marks = ", ".join("?" * len(_COLUMNS))
    database.executemany(
        f"INSERT OR REPLACE INTO jobs ({', '.join(_COLUMNS)}) VALUES ({marks})",
        [_row(job) for job in jobs],
    )


def is_experiment(job: Job) -> bool:
    """Whether a job is a search."""
    return job.action == EXPERIMENT


def _row(job: Job) -> tuple[Any, ...]:
    failure = job.failure
    return (
        job.id, job.action, job.skill, job.parent, job.state.value, job.created, job.started,
        job.ended, job.pid, json_text(job.metrics), json_text(job.artifacts),
        failure and failure.kind.value, failure and failure.message, job.best_epoch,
        job.last_epoch,
    )  # fmt: skip


def _job(row: tuple[Any, ...]) -> Job:
    values = dict(zip(_COLUMNS, row, strict=True))
    kind, message = values.pop("failure_kind"), values.pop("failure_message")
    return Job(
        **{
            **values,
            "state": JobState(values["state"]),
            "metrics": metrics_from_json(json.loads(values["metrics"])),
            "artifacts": json.loads(values["artifacts"]),
            "failure": None if kind is None else Failure(FailureKind(kind), message),
        }
    )


DEFAULT_ROOT = Path("runs")
