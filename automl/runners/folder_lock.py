"""The lock of a trial's folder: one process trains in it, whichever driver started that."""

from pathlib import Path
from types import TracebackType

from automl.files import lock

_NAME = ".lock"
_PATIENCE_S = 60.0
"""For how long the training of a driver that was killed may take to end."""


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
        if not lock(self._file, patience_s=self._patience_s):
            self._file.close()
            raise FolderLockedError(f"{self._folder}: another process trains in this folder")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
