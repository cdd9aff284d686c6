"""The lock of a trial's folder: one process trains in it, whichever driver started that."""

import fcntl
import time
from pathlib import Path
from types import TracebackType

_NAME = ".lock"
_PATIENCE_S = 60.0
"""For how long the training of a driver that was killed may take to end."""
_PAUSE_S = 0.1


class FolderLockedError(Exception):
    """Another process trains in the folder."""


class FolderLock:
    """Held while a process trains; the kernel frees it when the process and its forks are gone."""

    def __init__(self, folder: Path, *, patience_s: float = _PATIENCE_S) -> None:
        self._folder = folder
        self._patience_s = patience_s

    def __enter__(self) -> "FolderLock":
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file = (self._folder / _NAME).open("a")
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    self._file.close()
                    raise FolderLockedError(
                        f"{self._folder}: another process trains in this folder"
                    ) from None
                time.sleep(_PAUSE_S)
            else:
                return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
