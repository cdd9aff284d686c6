"""How many epochs one trial can still train in the time of the budget, by the journal's pace."""

from collections import deque
from collections.abc import Mapping
from typing import Any

from automl.experiment.history import History
from automl.search.base import ForeseeingSearcher, Searcher

_RECENT = 20
"""The last epochs whose mean duration counts: other work on a machine comes and goes."""
_CAUTION = 0.9
"""The part of the time that is counted on."""


class Foresight:
    """Follows a journal's events, live and on a replay alike: it has no clock of its own."""

    def __init__(self, time_s: float) -> None:
        self._time_s = time_s
        self._history = History()
        self._since: dict[int, float] = {}
        self._epochs: deque[float] = deque(maxlen=_RECENT)

    def apply(self, event: Mapping[str, Any]) -> None:
        """Take in an event."""
        self._history.apply(event)
        now, trial = self._history.driven_s, event.get("trial")
        if event["event"] == "opened":
            self._since = {}
        elif event["event"] in ("start", "continue"):
            self._since[event["trial"]] = now
        elif event["event"] == "report" and trial in self._since:
            self._epochs.append(now - self._since[trial])
            self._since[trial] = now

    @property
    def epochs(self) -> float | None:
        """Epochs that one trial can still train; None while no epoch has ended."""
        if not self._epochs:
            return None
        epoch_s = max(sum(self._epochs) / len(self._epochs), 1e-3)
        return _CAUTION * max(0.0, self._time_s - self._history.driven_s) / epoch_s


def foresee(searcher: Searcher, foresight: Foresight | None) -> None:
    """Tell a searcher that wants to know, before each report, how much time is left."""
    epochs = None if foresight is None else foresight.epochs
    if epochs is not None and isinstance(searcher, ForeseeingSearcher):
        searcher.foresee(epochs)
