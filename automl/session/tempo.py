"""How fast trainings are, and for how many epochs the time of the budget is enough."""

import math
from collections import defaultdict, deque
from collections.abc import Mapping
from statistics import fmean
from typing import Any

from automl.experiment.epoch_times import EpochTimes

_RECENT = 20
"""The last epochs whose mean counts: other work on a machine comes and goes."""
_TOLERANCE = 1.05
"""How much longer than the time left a training may take before it is shortened."""


def _recent() -> deque[float]:
    return deque(maxlen=_RECENT)


class Tempo:
    """Follows the events of a journal; it has no clock of its own.

    `pace` is what was measured before the launch: it tells an epoch from a start where both have
    been seen together only. Before the first report nothing is known, since a worker may start
    while the search is prepared.
    """

    def __init__(self, time_s: float, pace: Mapping[str, float]) -> None:
        self._time_s = time_s
        self._pace = pace
        self._times = EpochTimes()
        self._firsts: list[float] = []
        """Seconds of first epochs, with the starts before them."""
        self._later: dict[int, deque[float]] = defaultdict(_recent)
        """By trial, the seconds of its other epochs."""
        self._all = _recent()

    def apply(self, event: Mapping[str, Any]) -> None:
        """Take in an event."""
        time = self._times.apply(event)
        if time is None:
            return
        if time.is_first:
            self._firsts.append(time.seconds)
        else:
            self._later[time.trial].append(time.seconds)
            self._all.append(time.seconds)

    def has_time_for(self, epochs: int, trial: int, driven_s: float) -> bool:
        """Whether a trial that runs can train so many more; `driven_s` as below."""
        epoch_s = self._epoch_s(trial)
        return epoch_s is None or epochs * epoch_s <= _TOLERANCE * (self._time_s - driven_s)

    def epochs_from_start(self, trial: int | None, driven_s: float) -> int | None:
        """Return the epochs that a trial can train that starts or resumes now; None: unknown.

        No trial is one of which nothing is known. `driven_s` is for how long the sessions have been
        driven until now.
        """
        epoch_s = self._epoch_s(trial)
        if epoch_s is None:
            return None
        left = self._time_s - driven_s - self._start_s
        return max(0, int(_TOLERANCE * left / epoch_s))

    def _epoch_s(self, trial: int | None) -> float | None:
        """Return the seconds of an epoch: of the trial, else of all, else as measured."""
        own = None if trial is None else self._later.get(trial)
        if seen := own or self._all:
            return max(fmean(seen), 1e-3)
        if not self._firsts:
            return None
        measured = max(1.0, self._slower) * self._pace.get("epoch_s", math.inf)
        return max(min(fmean(self._firsts), measured), 1e-3)

    @property
    def _start_s(self) -> float:
        """Seconds of a start; the first one loads what later ones need, so the shortest counts."""
        if self._firsts and self._all:
            return max(0.0, min(self._firsts) - fmean(self._all))
        return self._slower * self._pace.get("start_s", 0.0)

    @property
    def _slower(self) -> float:
        """How many times as long as measured a first epoch took, with its start."""
        measured = sum(self._pace.values())
        return fmean(self._firsts) / measured if self._firsts and measured else 1.0
