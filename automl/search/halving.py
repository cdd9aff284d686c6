"""Asynchronous successive halving, stopping type (Li et al., MLSys 2020, arXiv 1810.05934)."""

from automl.objective import Objective

REDUCTION_FACTOR = 3
GRACE_EPOCHS = 3
"""No trial is judged before: the first epochs of a training from scratch are mostly noise."""


def rungs(epochs: int, *, eta: int = REDUCTION_FACTOR) -> list[int]:
    """Return the epochs below a full training at which trials are compared, ascending.

    They are the full epochs divided by eta, eta^2, ..., down to the grace epochs; a short
    training has one at its first third: 50 epochs give [5, 16], 20 give [6], 4 give [1].
    """
    steps: list[int] = []
    rung = epochs // eta
    while rung >= GRACE_EPOCHS or (rung >= 1 and not steps):
        steps.append(rung)
        rung //= eta
    return steps[::-1]


class SuccessiveHalving:
    """Keeps at each rung the best 1/eta of the trials seen there so far.

    The first trial at a rung always goes on. A trial is compared at its first report at or
    beyond a rung, with its best value up to there.
    """

    def __init__(self, objective: Objective, epochs: int, *, eta: int = REDUCTION_FACTOR) -> None:
        self._objective = objective
        self._eta = eta
        self._values: dict[int, dict[int, float]] = {r: {} for r in rungs(epochs, eta=eta)}

    def keeps(self, trial: int, epoch: int, value: float) -> bool:
        """Take in the best value of a trial so far and return whether it goes on."""
        for rung, values in self._values.items():
            if rung <= epoch and trial not in values:
                values[trial] = value
                if not self._is_in_top(value, list(values.values())):
                    return False
        return True

    def _is_in_top(self, value: float, values: list[float]) -> bool:
        places = max(1, len(values) // self._eta)
        return sum(self._objective.is_better(v, value) for v in values) < places
