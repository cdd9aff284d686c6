"""What the epochs of an experiment took, by its journal: live, on a replay and long after alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from automl.experiment.history import History


@dataclass(frozen=True)
class EpochTime:
    """What one epoch of a trial took."""

    trial: int
    seconds: float
    is_first: bool
    """It is the first one after a start, which is part of it."""


class EpochTimes:
    """Follows the events of a journal; it has no clock of its own."""

    def __init__(self) -> None:
        self._history = History()
        self._since: dict[int, float] = {}
        """When each running trial last reported or was started."""
        self._started: set[int] = set()
        """Trials that have not reported since they were started."""

    @property
    def driven_s(self) -> float:
        """Seconds that the sessions took, up to the last event."""
        return self._history.driven_s

    def apply(self, event: Mapping[str, Any]) -> EpochTime | None:
        """Take in an event; return what the epoch of a report took, None for any other event.

        Epochs that a report skips took equally long. Repeats of the confirmation are left out.
        """
        trial = event.get("trial", -1)
        known = self._history.trials.get(trial)
        before = 0 if known is None else known.epoch
        self._history.apply(event)
        now = self._history.driven_s
        if event["event"] == "opened":
            self._since, self._started = {}, set()
        elif event["event"] in ("start", "continue"):
            self._since[trial] = now
            self._started.add(trial)
        elif event["event"] == "report" and trial in self._since:
            seconds = (now - self._since[trial]) / (event["epoch"] - before)
            is_first, self._since[trial] = trial in self._started, now
            self._started.discard(trial)
            if self._history.trials[trial].confirms is None:
                return EpochTime(trial, seconds, is_first)
        return None
