"""How fast trainings are, and for how many epochs the time of the budget is enough."""

import math
from collections import defaultdict, deque
from collections.abc import Mapping
from statistics import fmean
from typing import Any

from automl.experiment.epoch_times import EpochTimes

_RECENT = 20
"""The last epochs whose mean counts: other work on a machine comes and goes."""
_STARTS = 3
"""The last starts of which the shortest counts: the very first ones load what later ones need."""
_NOISE = 0.05
"""The share of the time left by which a projected end may be wrong."""


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
        self._firsts: deque[tuple[int, float]] = deque(maxlen=_STARTS)
        """Trials and the seconds of their first epochs, with the starts before them."""
        self._later: dict[int, deque[float]] = defaultdict(_recent)
        """By trial, the seconds of its other epochs."""
        self._all = _recent()

    def apply(self, event: Mapping[str, Any]) -> None:
        """Take in an event."""
        time = self._times.apply(event)
        if time is None:
            return
        if time.is_first:
            self._firsts.append((time.trial, time.seconds))
        else:
            self._later[time.trial].append(time.seconds)
            self._all.append(time.seconds)

    def has_time_for(self, epochs: int, trial: int, driven_s: float, *, shortened: int = 0) -> bool:
        """Whether a trial that runs is to train so many more; `driven_s` as below.

        The epoch in progress may end after the time. To shorten a training costs a start, so the
        time must lack more than an epoch and a start; one that was shortened n times must lack
        n + 1 times as much.
        """
        epoch_s = self._epoch_s(trial)
        if epoch_s is None:
            return True
        left = self._time_s - driven_s
        if trial not in self._later and left > 2 * epoch_s:
            return True  # Its next epoch tells its pace, without a start, before it is too late.
        slack = max(epoch_s + self._start_s, _NOISE * left)
        return epochs * epoch_s - left <= (1 + shortened) * slack

    def epochs_from_start(
        self, trial: int | None, driven_s: float, *, margin: float = 1.0
    ) -> int | None:
        """Return the epochs that a trial can train that starts or resumes now; None: unknown.

        No trial is one of which nothing is known. `driven_s` is for how long the sessions have been
        driven until now. Epochs may take `margin` times what they took.
        """
        epoch_s = self._epoch_s(trial)
        if epoch_s is None:
            return None
        left = self._time_s - driven_s - self._start_s
        return max(0, int(left / (margin * epoch_s)))

    def _epoch_s(self, trial: int | None) -> float | None:
        """Return the seconds of an epoch: of the trial, else of all, else as measured."""
        own = None if trial is None else self._later.get(trial)
        if seen := own or self._all:
            return max(fmean(seen), 1e-3)
        if not self._firsts:
            return None
        measured = max(1.0, self._slower) * self._pace.get("epoch_s", math.inf)
        return max(min(self._first_s, measured), 1e-3)

    @property
    def _start_s(self) -> float:
        """Seconds of a start: what first epochs took longer than others of their trials."""
        if self._firsts and self._all:
            starts = (s - fmean(self._later.get(trial) or self._all) for trial, s in self._firsts)
            return max(0.0, min(starts))
        return self._slower * self._pace.get("start_s", 0.0)

    @property
    def _first_s(self) -> float:
        return fmean(seconds for _, seconds in self._firsts)

    @property
    def _slower(self) -> float:
        """How many times as long as measured a first epoch took, with its start."""
        measured = sum(self._pace.values())
        return self._first_s / measured if self._firsts and measured else 1.0
