"""Parameter importances while a search grows: computed beside it, each time it has grown."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

Compute = Callable[[Path], Mapping[str, float]]
"""Returns each parameter's share, largest first, of the experiment in a folder; may be empty."""

FIRST = 8
"""Trials with a value before which no share is computed."""
_GROWTH = 1.5
"""A computation takes longer for more trials; all together cost a few times the last."""


class GrowingImportances:
    """The latest shares of an experiment; a thread computes them again when it has grown."""

    def __init__(self, root: Path, compute: Compute) -> None:
        self._root = root
        self._compute = compute
        self._due = float(FIRST)
        self._thread: threading.Thread | None = None
        self._shares: Mapping[str, float] = {}

    def look(self, measured: int) -> Mapping[str, float]:
        """Return the latest shares; `measured` is the number of trials that have a value now."""
        is_busy = self._thread is not None and self._thread.is_alive()
        if measured >= self._due and not is_busy:
            self._due = max(FIRST, measured) * _GROWTH
            self._thread = threading.Thread(target=self._renew, name="importances", daemon=True)
            self._thread.start()
        return self._shares

    def _renew(self) -> None:
        self._shares = self._compute(self._root) or self._shares
