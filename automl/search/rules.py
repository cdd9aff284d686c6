"""Rules without rungs: full trainings, and Optuna's and Vizier's median stop."""

import math
import statistics

from automl.pareto import Loss
from automl.search.base import Continue, Rule, Start
from automl.trial import Decision, Outcome

GRACE_EPOCHS = 3
"""No trial is judged before: the first epochs of a training from scratch are mostly noise."""


class FullTraining(Rule):
    """Everybody trains to the end."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs

    def first_epochs(self, trial: int) -> int:
        """Return the epochs of a full training."""
        return self._epochs

    def promotion(self, *, is_last_call: bool) -> Continue | None:
        """Return None: nobody pauses."""
        return None

    def start(self, move: Start | Continue) -> None:
        """Nothing is kept."""

    def report(self, trial: int, epoch: int, loss: Loss) -> Decision:
        """Go on."""
        return Decision.CONTINUE

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Nothing is kept."""


class MedianStop(FullTraining):
    """Stops a trial whose best so far is worse than the median of the others at its epoch.

    The others count with their best up to that epoch; there must be four that reached it.
    """

    _ENOUGH = 4

    def __init__(self, epochs: int) -> None:
        super().__init__(epochs)
        self._curves: dict[int, dict[int, float]] = {}

    def report(self, trial: int, epoch: int, loss: Loss) -> Decision:
        """Stop a trial that is in the worse half."""
        curve = self._curves.setdefault(trial, {})
        curve[epoch] = loss[0] if math.isfinite(loss[0]) else math.inf
        others = [
            min(value for e, value in other.items() if e <= epoch)
            for number, other in self._curves.items()
            if number != trial and max(other) >= epoch and min(other) <= epoch
        ]
        if epoch < GRACE_EPOCHS or epoch >= self._epochs or len(others) < self._ENOUGH:
            return Decision.CONTINUE
        is_worse = min(curve.values()) > statistics.median(others)
        return Decision.STOP if is_worse else Decision.CONTINUE
