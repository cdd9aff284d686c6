"""How long a training may be silent, and run, before it is ended."""

import time
from dataclasses import dataclass, field

from automl.experiment.history import History
from automl.request.durations import AUTO, OFF, seconds

FIRST_S = 2 * 3600.0
"""The limit of silence before the first report, while the length of an epoch is unknown."""
LEAST_S = 600.0
TIMES = 20
"""Epochs of the largest model may take this many times those of the smallest."""
GRACE_S = 30.0
"""For how long a training runs on, at least, when the time of the budget is spent."""


@dataclass
class Patience:
    """Measures the silence of trainings by the monotonic clock, and says how much is too much."""

    limit: str
    """As `--hang-limit`: auto, off or a duration."""
    longest_s: float = 0.0
    """The longest time up to a report, or between two."""
    _heard: dict[int, float] = field(default_factory=dict)

    @classmethod
    def of(cls, limit: str, history: History) -> "Patience":
        """Return the patience with an experiment whose earlier sessions reported epochs."""
        means = (t.seconds / len(t.reports) for t in history.trials.values() if t.reports)
        return cls(limit, max(means, default=0.0))

    def started(self, trial: int) -> None:
        """Take in that a trial starts or resumes."""
        self._heard[trial] = time.monotonic()

    def reported(self, trial: int) -> None:
        """Take in that a trial reported an epoch."""
        now = time.monotonic()
        self.longest_s = max(self.longest_s, now - self._heard.get(trial, now))
        self._heard[trial] = now

    @property
    def silence_s(self) -> float | None:
        """Seconds without a report after which a training counts as hung; None: never."""
        if self.limit == OFF:
            return None
        if self.limit != AUTO:
            return seconds(self.limit, "--hang-limit")
        return max(LEAST_S, TIMES * self.longest_s) if self.longest_s else FIRST_S

    @property
    def grace_s(self) -> float:
        """Seconds that a training may take to its next report when the time is up."""
        return max(GRACE_S, 1.5 * self.longest_s)
