"""Rules without rungs: full trainings, Optuna's and Vizier's median stop; the base of others."""

import math
import statistics

from automl.search.base import Rule
from automl.trial.moves import Continue, Start
from automl.trial.pareto import Loss
from automl.trial.trial import CONTINUE, Decision, Outcome, TrialState, Verdict

GRACE_EPOCHS = 3
"""No trial is judged before: the first epochs of a training from scratch are mostly noise."""


class PausingRule(Rule):
    """What rules share that pause trials: who runs and who is paused."""

    def __init__(self) -> None:
        self._running: set[int] = set()
        self._paused: set[int] = set()

    def start(self, move: Start | Continue) -> None:
        """Take note that a trial runs."""
        self._paused.discard(move.trial)
        self._running.add(move.trial)

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Keep a paused trial for a promotion; forget the losses of one that failed."""
        self._running.discard(trial)
        self._paused.discard(trial)
        if outcome.state is TrialState.PAUSED:
            self._paused.add(trial)
        elif outcome.state is TrialState.FAILED:
            self.forget(trial)

    def forget(self, trial: int) -> None:
        """Rank a trial no more."""
        raise NotImplementedError


class FullTraining(Rule):
    """Everybody trains to the end."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs

    def first_epochs(self, trial: int) -> int:
        """Return the epochs of a full training."""
        return self._epochs

    def resume(self, *, is_last_call: bool) -> Continue | None:
        """Return None: nobody pauses."""
        return None

    def start(self, move: Start | Continue) -> None:
        """Nothing is kept."""

    def report(self, trial: int, epoch: int, loss: Loss) -> Verdict:
        """Continue."""
        return CONTINUE

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

    def report(self, trial: int, epoch: int, loss: Loss) -> Verdict:
        """Stop a trial that is in the worse half."""
        curve = self._curves.setdefault(trial, {})
        curve[epoch] = loss[0] if math.isfinite(loss[0]) else math.inf
        others = [
            min(value for e, value in other.items() if e <= epoch)
            for number, other in self._curves.items()
            if number != trial and max(other) >= epoch and min(other) <= epoch
        ]
        if epoch < GRACE_EPOCHS or epoch >= self._epochs or len(others) < self._ENOUGH:
            return CONTINUE
        if min(curve.values()) <= statistics.median(others):
            return CONTINUE
        reason = f"worse than the median of {len(others)} trials at epoch {epoch}"
        return Verdict(Decision.STOP, reason)
