"""Rules without rungs: full trainings and the median stop of Vizier; the base of other rules."""

import math
import statistics

from automl.search.base import Rule
from automl.trial.moves import Continue, Start
from automl.trial.pareto import Loss
from automl.trial.trial import CONTINUE, Decision, Outcome, TrialState, Verdict

GRACE_EPOCHS = 3
"""Epochs before any trial is judged: at first a training from scratch shows mostly noise."""


class PausingRule(Rule):
    """Keeps the running and the paused trials, for rules that pause."""

    def __init__(self) -> None:
        self._running: set[int] = set()
        self._paused: set[int] = set()

    def start(self, move: Start | Continue) -> None:
        """Record that a trial runs."""
        self._paused.discard(move.trial)
        self._running.add(move.trial)

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Keep a paused trial, which may be resumed; forget the losses of a failed one."""
        self._running.discard(trial)
        self._paused.discard(trial)
        if outcome.state is TrialState.PAUSED:
            self._paused.add(trial)
        elif outcome.state is TrialState.FAILED:
            self.forget(trial)

    def forget(self, trial: int) -> None:
        """Remove a trial from all rankings."""
        raise NotImplementedError


class FullTraining(Rule):
    """Trains every trial in full."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs

    def first_epochs(self, trial: int) -> int:
        """Return the epochs of a full training."""
        return self._epochs

    def resume(self, *, is_last_call: bool) -> Continue | None:
        """Return None: no trial pauses."""
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

    The others count with their best up to that epoch; four must have reached it (Google
    Vizier: Golovin et al., KDD 2017, with best values in place of running averages).
    """

    _ENOUGH = 4
    """Other trials at an epoch before any is stopped there."""

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
