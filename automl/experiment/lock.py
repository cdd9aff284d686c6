"""The lock of an experiment: one process drives it."""

import fcntl
import os
from types import TracebackType
from typing import IO

from automl.errors import UsageError
from automl.experiment.paths import ExperimentPaths
from automl.files import lock, open_at_once, open_regular

_PATIENCE_S = 0.5
"""`is_driven` holds the lock for an instant."""

_held: set[IO[str]] = set()


def _leave_to_parent() -> None:
    """Close the locks in a fork of the driver: only the driver's own death must free them."""
    for file in _held:
        file.close()
    _held.clear()


os.register_at_fork(after_in_child=_leave_to_parent)


class ExperimentLock:
    """Held while a process drives the experiment; the kernel frees it when the process dies."""

    def __init__(self, paths: ExperimentPaths) -> None:
        self._path = paths.lock
        self._file: IO[str] | None = None

    def __enter__(self) -> "ExperimentLock":
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self._path, "a", opener=open_at_once)  # noqa: PTH123, SIM115
        except OSError as error:
            raise UsageError(f"{self._path}: cannot be written ({error.strerror})") from error
        _held.add(self._file)
        if not lock(self._file, patience_s=_PATIENCE_S):
            self._close()
            raise UsageError(
                f"{self._path.parent}: another process is running this experiment; "
                f"look at it with: automl status {self._path.parent}"
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            _held.discard(self._file)
            self._file.close()


def is_driven(paths: ExperimentPaths) -> bool:
    """Whether a living process holds the experiment's lock."""
    try:
        # Whoever may only read the folder may ask, too.
        file = open_regular(paths.lock)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise UsageError(f"{paths.lock}: cannot be read ({error.strerror})") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
