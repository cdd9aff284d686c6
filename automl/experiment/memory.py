"""The host memory of a trial: of its process and all that it started.

Kept in a file of the trial's folder, like environment.json: it is no metric of the training, and
it survives a worker that dies.
"""

import os
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from automl.experiment.derived import read_derived
from automl.files import write_json
from automl.machine.memory import tree_memory_mb

FILE = "memory.json"
_KEY = "peak_mb"
_EVERY_S = 1.0
_GROWTH = 1.05
"""The file is rewritten when the peak has grown by this factor."""


class PeakMemory:
    """Samples memory once a second on a background thread while the context is open.

    A resumed trial keeps the peak of its earlier runs. On systems without /proc no file is written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._written = peak_mb(folder) or 0.0
        self._peak = self._written
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        self._sample()
        while not self._is_over.wait(_EVERY_S):
            self._sample()
            if self._peak > self._written * _GROWTH:
                self._write()
        if self._peak > self._written:
            self._write()

    def _sample(self) -> None:
        self._peak = max(self._peak, tree_memory_mb(os.getpid()))

    def _write(self) -> None:
        self._written = self._peak
        # On a full disk the training fails by itself, with a clearer message.
        with suppress(OSError):
            write_json(self._path, {_KEY: round(self._peak, 1)})


def peak_mb(folder: Path) -> float | None:
    """Return the peak in a trial's folder, None if none was written or it cannot be read."""
    peak = read_derived(folder / FILE).get(_KEY)
    return float(peak) if isinstance(peak, int | float) else None
