"""Stops trials whose extrapolated learning curve ends clearly behind the best trial."""

import math
from collections.abc import Mapping

import numpy as np

from automl.search.base import Rule
from automl.trial.moves import Continue, Start
from automl.trial.pareto import Loss
from automl.trial.trial import Decision, Outcome, Verdict

_POWERS = np.linspace(0.1, 3.0, 30)
"""Exponents tried: for a given one, the other two coefficients are a linear least squares."""


class CurveStop(Rule):
    """Another rule that also stops a trial if its extrapolated loss is behind the best loss.

    A power law ``c + a * epoch ** -b`` is fitted to the trial's curve (one of the families of
    Domhan et al., IJCAI 2015). The trial stops if the law explains the curve (R^2) and its value
    at the full epochs is worse than the best loss so far by more than `threshold` of the distance
    between the best and the median trial.
    """

    _FIT = 0.7
    """Least R^2 of a curve that is extrapolated."""

    def __init__(
        self, rule: Rule, epochs: int, *, threshold: float = 0.1, min_epochs: int = 3
    ) -> None:
        self._rule = rule
        self._epochs = epochs
        self._threshold = threshold
        self._min_epochs = min_epochs
        self._curves: dict[int, dict[int, float]] = {}

    def first_epochs(self, trial: int) -> int:
        """Return the other rule's epochs."""
        return self._rule.first_epochs(trial)

    def resume(self, *, is_last_call: bool) -> Continue | None:
        """Return the other rule's trial."""
        return self._rule.resume(is_last_call=is_last_call)

    def start(self, move: Start | Continue) -> None:
        """Pass a move on."""
        self._rule.start(move)

    def report(self, trial: int, epoch: int, loss: Loss) -> Verdict:
        """Return the other rule's verdict, or stop the trial."""
        if math.isfinite(loss[0]):
            self._curves.setdefault(trial, {})[epoch] = loss[0]
        verdict = self._rule.report(trial, epoch, loss)
        if trial == 0 or epoch >= self._epochs or not self._is_hopeless(trial):
            return verdict
        reason = f"its curve extrapolated to epoch {self._epochs} ends worse than the best trial"
        return Verdict(Decision.STOP, reason)

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Pass an outcome on; a failed trial no longer counts."""
        if outcome.failure is not None:
            self._curves.pop(trial, None)
        self._rule.finish(trial, outcome)

    def _is_hopeless(self, trial: int) -> bool:
        curve = self._curves.get(trial, {})
        others = sorted(min(c.values()) for number, c in self._curves.items() if number != trial)
        if len(curve) < max(3, self._min_epochs) or len(others) < 3:
            return False
        margin = self._threshold * (others[len(others) // 2] - others[0])
        end, fit = extrapolated(curve, self._epochs)
        return fit >= self._FIT and end > others[0] + margin


def extrapolated(curve: Mapping[int, float], epoch: int) -> tuple[float, float]:
    """Return the value of the best-fitting power law at an epoch, and its R^2."""
    epochs, values = np.array(list(curve)), np.array(list(curve.values()))
    best = (math.inf, float(values[-1]))
    for power in _POWERS:
        basis = np.column_stack([np.ones(len(epochs)), epochs**-power])
        coefficients = np.linalg.lstsq(basis, values, rcond=None)[0]
        error = float(np.sum((basis @ coefficients - values) ** 2))
        best = min(best, (error, float(coefficients @ [1.0, epoch**-power])))
    spread = float(np.sum((values - values.mean()) ** 2))
    return best[1], 1.0 - best[0] / spread if spread > 0 else 1.0
