"""An experiment on disk: where each file is, how it is written, and who may write."""

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from automl.errors import UsageError
from automl.files import json_text

_LOCK_TRIES = 10
_LOCK_PAUSE_S = 0.05


@dataclass(frozen=True)
class ExperimentPaths:
    """The one name and place of every file of an experiment."""

    root: Path

    @property
    def settings(self) -> Path:
        """Resolved settings, enough to run the experiment again."""
        return self.root / "settings.yaml"

    @property
    def schema(self) -> Path:
        """The train schema that the experiment was made with."""
        return self.root / "schema.json"

    @property
    def space(self) -> Path:
        """The search space."""
        return self.root / "space.yaml"

    @property
    def journal(self) -> Path:
        """Every event in order: the truth."""
        return self.root / "journal.jsonl"

    @property
    def best(self) -> Path:
        """The best trial at the end."""
        return self.root / "best.json"

    @property
    def importance(self) -> Path:
        """How much each parameter mattered, at the end."""
        return self.root / "importance.json"

    @property
    def warm_start(self) -> Path:
        """Trials of earlier experiments that the search learns from."""
        return self.root / "warm_start.json"

    @property
    def leaderboard(self) -> Path:
        """All trials with their values, best first."""
        return self.root / "leaderboard.csv"

    @property
    def report(self) -> Path:
        """The page for people: all of the experiment in one file."""
        return self.root / "report.html"

    @property
    def mlflow(self) -> Path:
        """Where MLflow has the experiment's runs, and the page that compares its trials."""
        return self.root / "mlflow.json"

    @property
    def promoted(self) -> Path:
        """The promoted model and its proof."""
        return self.root / "promoted"

    @property
    def rejected(self) -> Path:
        """The model that failed its promotion, kept for a look."""
        return self.root / "rejected"

    @property
    def lock(self) -> Path:
        """Held by the one process that drives the experiment."""
        return self.root / ".lock"

    @property
    def tracking_database(self) -> Path:
        """MLflow's database, shared by the experiments beside this one."""
        return self.root.parent / "mlflow.db"

    def trial(self, number: int) -> Path:
        """Return the folder of a trial."""
        return self.root / "trials" / f"{number:04d}"

    def exists(self) -> bool:
        """Whether there is an experiment in the folder."""
        return self.settings.exists()


class Journal:
    """Appends events and syncs each to disk; one process writes, anybody reads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_whole = False

    def append(self, event: Mapping[str, Any]) -> None:
        """Write one event; it is on disk when this returns."""
        self._drop_torn_line()
        with self.path.open("ab") as file:
            file.write(json_text(event).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield all whole events; a last line that was cut while it was written is left out.

        Raises `UsageError` naming the line where anything else is not an event.
        """
        yield from JournalReader(self.path).new()

    def _drop_torn_line(self) -> None:
        if not self._is_whole and self.path.exists():
            content = self.path.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole != len(content):
                os.truncate(self.path, whole)
        self._is_whole = True


class JournalReader:
    """Reads a journal as it grows: each call reads what was added since the last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._position = 0
        self._lines = 0

    def new(self) -> Iterator[dict[str, Any]]:
        """Yield the new whole events; a last line that is being written waits.

        Raises `UsageError` naming the line where anything else is not an event.
        """
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._position)
            *lines, _torn = file.read().split(b"\n")
        for line in lines:
            self._position += len(line) + 1
            self._lines += 1
            try:
                event = json.loads(line)
                event["event"]  # noqa: B018 - a line without it is no event
            except (ValueError, KeyError, TypeError) as error:
                raise UsageError(
                    f"{self.path}: line {self._lines} is not an event; the journal was changed by "
                    "something else. Move the experiment aside and start a new one"
                ) from error
            yield event


class ExperimentLock:
    """Held while a process drives the experiment; the kernel frees it when the process dies."""

    def __init__(self, paths: ExperimentPaths) -> None:
        self._path = paths.lock
        self._file: IO[str] | None = None

    def __enter__(self) -> "ExperimentLock":
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("a")
        if not self._is_taken():
            self._file.close()
            raise UsageError(
                f"{self._path.parent}: another process is running this experiment; "
                f"look at it with: automl status {self._path.parent}"
            )
        return self

    def _is_taken(self) -> bool:
        """Try for a moment: who only looks at the experiment holds the lock just as long."""
        assert self._file is not None
        for _ in range(_LOCK_TRIES):
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_LOCK_PAUSE_S)
            else:
                return True
        return False

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()


def is_driven(paths: ExperimentPaths) -> bool:
    """Whether a living process holds the experiment's lock."""
    if not paths.lock.exists():
        return False
    with paths.lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
