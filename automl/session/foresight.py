"""Tells a searcher what epochs take and how much of the time is left, by the journal alone."""

from collections.abc import Mapping
from typing import Any

from automl.experiment.epoch_times import EpochTimes
from automl.search.base import Searcher, TimedSearcher

_CAUTION = 0.9
"""The part of the time that is counted on."""


class Foresight:
    """Follows a journal's events, live and on a replay alike."""

    def __init__(self, time_s: float, searcher: TimedSearcher) -> None:
        self._time_s = time_s
        self._searcher = searcher
        self._times = EpochTimes()

    @classmethod
    def of(cls, time_s: float | None, searcher: Searcher) -> "Foresight | None":
        """Return the foresight of a limit of time; None without one, or if nobody plans by it."""
        if time_s is None or not isinstance(searcher, TimedSearcher):
            return None
        return cls(time_s, searcher)

    def foresee(self) -> None:
        """Tell how many seconds are left; to be called before each report."""
        self._searcher.foresee(_CAUTION * max(0.0, self._time_s - self._times.driven_s))

    def apply(self, event: Mapping[str, Any]) -> None:
        """Take in an event, after the searcher did; of a report, tell what its epoch took."""
        time = self._times.apply(event)
        if time is not None:
            self._searcher.took(time.trial, time.seconds, is_first=time.is_first)
