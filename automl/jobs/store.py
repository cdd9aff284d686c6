"""The jobs below one root, in a SQLite database: one writer at a time, anybody reads.

Writers take a lock of their own before they open the database, so that none finds it locked. A
running job's process is alive while it holds the lock on its folder, which the kernel frees.
"""

import fcntl
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from automl.errors import Fault, UsageError, closest, nearest
from automl.experiment.lock import is_driven
from automl.experiment.paths import ExperimentPaths
from automl.files import check_format, json_text
from automl.jobs.record import EXPERIMENT, Job, JobState
from automl.trial.numbers import metrics_from_json
from automl.trial.trial import Failure, FailureKind
from automl.version import __version__

_COLUMNS = (
    "id", "action", "skill", "parent", "state", "created", "started", "ended", "pid", "metrics",
    "artifacts", "failure_kind", "failure_message", "best_epoch", "last_epoch",
)  # fmt: skip
FORMAT = 1
"""The format of jobs.db that this version writes and reads."""
_TABLE = f"""CREATE TABLE jobs (
    id TEXT PRIMARY KEY, {", ".join(f"{name}" for name in _COLUMNS[1:])})"""
_ABOUT = "CREATE TABLE about (format INTEGER, automl TEXT)"


class JobStore:
    """The jobs whose folders lie in `root`."""

    def __init__(self, root: Path, *, is_kept_open: bool = False) -> None:
        """Take the root.

        Args:
            root: The folder of all jobs.
            is_kept_open: Write through one connection until `close`, and leave it to the system
                when to the disk: a write then waits for no disk. If the machine crashes, the last
                ones may be lost, and nothing is harmed.
        """
        self.root = root
        self.path = root / "jobs.db"
        self._is_kept_open = is_kept_open
        self._kept: sqlite3.Connection | None = None
        self._kept_file: tuple[int, int] | None = None

    def close(self) -> None:
        """Close the connection that is kept open, if there is one."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def put(self, *jobs: Job) -> None:
        """Insert or update jobs, all or none."""
        with self._writing() as database:
            _insert(database, jobs)

    def replace_below(self, above: str, *jobs: Job) -> None:
        """Replace the job of an id, and all jobs below its folder, by other jobs."""
        with self._writing() as database:
            # Not LIKE, to which an underscore is a wildcard.
            database.execute(
                "DELETE FROM jobs WHERE id = ? OR substr(id, 1, ?) = ?",
                [above, len(above) + 1, f"{above}/"],
            )
            _insert(database, jobs)

    def jobs(self, *, parent: str | None = None) -> list[Job]:
        """Return all jobs, or the children of one, oldest first, in their shown state."""
        where, values = ("WHERE parent = ?", [parent]) if parent is not None else ("", [])
        return [self._shown(job) for job in self._read(f"{where} ORDER BY created, id", values)]

    def get(self, job_id: str) -> Job:
        """Return a job in its shown state; raises `UsageError` with the nearest id."""
        jobs = self._read("WHERE id = ?", [job_id])
        if not jobs:
            ids = [job.id for job in self._read("ORDER BY created DESC LIMIT 200", [])]
            raise UsageError(self._no_job(job_id, ids))
        return self._shown(jobs[0])

    def _no_job(self, job_id: str, ids: Sequence[str]) -> Fault:
        text = f"there is no job {job_id!r}"
        if not ids:
            return Fault(f"{text}: {self.root}/ has no jobs yet", key="JOB", value=job_id)
        latest = f"; the latest are {', '.join(ids[:5])}"
        return Fault(
            f"{text} in {self.root}{nearest(job_id, ids) or latest}",
            key="JOB", value=job_id, allowed=ids, nearest=closest(job_id, ids),
        )  # fmt: skip

    def folder(self, job: Job) -> Path:
        """Return the folder of a job's results."""
        return self.root / job.id

    def driver_folder(self, job: Job) -> Path:
        """Return the folder whose lock the job's process holds; for a trial, the experiment's."""
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
        address = f"{self.path.resolve().as_uri()}?mode=ro"
        try:
            self._check_regular()
            with closing(sqlite3.connect(address, uri=True, timeout=30)) as database:
                if not _has_tables(database):
                    return []
                self._check_format(database)
                rows = database.execute(
                    f"SELECT {', '.join(_COLUMNS)} FROM jobs {rest}", values
                ).fetchall()
            return [_job(row) for row in rows]
        except (sqlite3.DatabaseError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise UsageError(
                f"{self.path}: cannot be read ({error}); move it aside, and list the jobs of an "
                "experiment again with: automl fsck EXPERIMENT --rebuild"
            ) from error

    def _check_format(self, database: sqlite3.Connection) -> None:
        """Raise `UsageError` unless the database has the format of this version."""
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        if "about" in tables:
            number, writer = database.execute("SELECT format, automl FROM about").fetchone()
        else:
            number, writer = None, None
        check_format(self.path, number, reads=FORMAT, writer=writer)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".jobs.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            database = self._writer()
            try:
                with database:
                    yield database
            except BaseException:
                self.close()
                raise
            finally:
                if database is not self._kept:
                    database.close()

    def _writer(self) -> sqlite3.Connection:
        """Return a connection with tables in the format of this version."""
        if self._kept is not None and self._kept_file == self._file():
            return self._kept
        # The file may have been moved aside by a command that rebuilt it.
        self.close()
        self._check_regular()
        database = sqlite3.connect(self.path, timeout=30)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            with database:
                self._create_tables(database)
            if self._is_kept_open:
                database.execute("PRAGMA synchronous = NORMAL")
                self._kept, self._kept_file = database, self._file()
        except BaseException:
            database.close()
            raise
        return database

    def _check_regular(self) -> None:
        """Raise `sqlite3.DatabaseError` for what is no regular file: SQLite would wait for it."""
        if self.path.exists() and not self.path.is_file():
            raise sqlite3.DatabaseError("not a regular file")

    def _file(self) -> tuple[int, int] | None:
        try:
            state = self.path.stat()
        except FileNotFoundError:
            return None
        return state.st_dev, state.st_ino

    def _create_tables(self, database: sqlite3.Connection) -> None:
        if not _has_tables(database):
            database.execute(_TABLE)
            database.execute(_ABOUT)
            database.execute("INSERT INTO about VALUES (?, ?)", [FORMAT, __version__])
        self._check_format(database)


def _has_tables(database: sqlite3.Connection) -> bool:
    return database.execute("SELECT 1 FROM sqlite_master").fetchone() is not None


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
