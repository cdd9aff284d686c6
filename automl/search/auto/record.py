"""What has happened in a search of `auto`: its trials, and the moves that are left."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from automl.search.auto import reasons
from automl.search.auto.costs import Costs
from automl.search.auto.curves import Curve
from automl.search.auto.kernel import Array
from automl.search.base import canonical
from automl.trial.budget import Budget
from automl.trial.epochs import EpochCounter
from automl.trial.moves import Continue, Done, Move, Start, Wait


@dataclass
class Record:
    """The curves by trial number, and what is known of their values."""

    budget: Budget
    curves: list[Curve] = field(default_factory=list)
    failed: list[Array] = field(default_factory=list)
    """Features of the trials that failed or diverged."""
    repeats: list[float] = field(default_factory=list)
    """Distances of the trials that repeated another from that one."""
    epochs: EpochCounter = field(default_factory=EpochCounter)
    costs: Costs = field(default_factory=Costs)
    """What epochs cost in seconds, of a search whose time is limited."""
    added: int = 0
    """Trials that were added by hand, beyond those of the budget."""
    _seen: set[str] = field(default_factory=set)

    def add(self, values: Mapping[str, Any], features: Array) -> None:
        """Add a trial."""
        self.curves.append(Curve(dict(values), features))
        self._seen.add(canonical(values))

    def is_new(self, values: Mapping[str, Any]) -> bool:
        """Whether no trial had these values."""
        return canonical(values) not in self._seen

    def fail(self, curve: Curve) -> None:
        """Note that a trial failed: it is not resumed and marks its region."""
        curve.is_dead = True
        self.failed.append(curve.features)

    def epoch_s(self, trial: int) -> float:
        """Return the seconds of an epoch of a trial, once any was measured."""
        row = self.curves[trial].features[None]
        return float(self.costs.epoch_s(row, np.array([trial]))[0])

    def succeeded(self) -> list[Array]:
        """Return the features of the trials that reported and did not fail."""
        return [c.features for c in self.curves if c.epoch and np.isfinite(c.losses[-1])]

    @property
    def may_start(self) -> bool:
        """Whether the budget has another trial."""
        return len(self.curves) < self.budget.trials + self.added

    @property
    def spent(self) -> int:
        """Epochs trained."""
        return self.epochs.spent

    @property
    def left(self) -> int | None:
        """Epochs that may still be trained; None without such a budget."""
        whole = self.budget.budget_epochs
        return None if whole is None else max(1, whole - self.spent)

    @property
    def is_timed(self) -> bool:
        """Whether gains are per second: the time is limited, and an epoch of it was measured."""
        return math.isfinite(self.costs.left_s) and self.costs.is_known

    @property
    def unit(self) -> str:
        """What gains are per, in words."""
        return "second" if self.is_timed else "epoch"

    @property
    def has_full_training(self) -> bool:
        """Whether a trial was trained in full."""
        return any(c.epoch == self.budget.epochs for c in self.curves)

    @property
    def paused(self) -> list[int]:
        """The trials that may be resumed."""
        return [
            n
            for n, c in enumerate(self.curves)
            if c.target is None and not c.is_dead and c.epoch < self.budget.epochs
        ]

    @property
    def running(self) -> list[int]:
        """The trials that train now."""
        return [n for n, c in enumerate(self.curves) if c.target is not None]

    def new(self, values: dict[str, Any], reason: str) -> Start:
        """Return the move that starts a trial."""
        return Start(len(self.curves), values, self.budget.epochs, reason=reason)

    def longer(self, trial: int, reason: str) -> Continue:
        """Return the move that resumes a trial."""
        return Continue(trial, self.budget.epochs, reason)

    def nothing(self, reason: str = reasons.NOTHING_LEFT) -> Move:
        """Return the move if nothing can be started: to wait for what runs, or to end."""
        return Wait() if self.running else Done(reason)
