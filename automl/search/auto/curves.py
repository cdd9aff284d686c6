"""The learning curves of `auto`'s trials, and the observations that its model is fitted to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from automl.search.auto.kernel import Array
from automl.search.auto.model import Observations
from automl.trial.objective import Objective
from automl.trial.trial import PastTrial

FIRST_SHARE = 0.06
"""The first rung as a share of a full training: epoch 3 of 50. On LCBench the ranks after epoch 1
do not predict the last ones (Spearman -0.6 to 0.3), those after epoch 3 do (0.8)."""
FIRST_EPOCHS = 3
"""The least first rung, but at most a third of a shorter training: after one epoch on a small data
set the best scores belong to the lowest learning rates, whose models are still random."""
STEP = 1.5
"""Ratio of one rung to the one before."""
AGREEMENT = 0.8
"""Rank correlation of epoch 1 with the first rung above which epoch 1 takes its place."""
MIN_CURVES = 8
"""Curves needed to trust that correlation."""
MOVING = 3
"""Different losses that a curve needs before it can count as a repeat."""
MAX_OBSERVATIONS = 260
"""Most observations of the model: its time grows with the cube of their number."""


@dataclass
class Curve:
    """One trial: its features, its losses by epoch from 1, and whether it may be resumed."""

    values: dict[str, Any]
    features: Array
    losses: list[float] = field(default_factory=list)
    target: int | None = None
    """The epoch up to which it trains now; None while it is not running."""
    is_dead: bool = False
    """It failed, diverged or repeats another trial: it is never resumed."""
    is_void: bool = False
    """It failed or repeats another trial: the model leaves it out."""

    @property
    def epoch(self) -> int:
        """Epochs trained."""
        return len(self.losses)

    def take(self, epoch: int, loss: float) -> None:
        """Record the loss of an epoch, infinite if not finite; skipped epochs repeat the last."""
        before = self.losses[-1] if self.losses else math.inf
        self.losses += [before] * (epoch - 1 - len(self.losses))
        self.losses[epoch - 1 :] = [loss if math.isfinite(loss) else math.inf]

    @property
    def bests(self) -> Array:
        """The best loss up to each epoch: the best checkpoint is what a search returns."""
        return np.minimum.accumulate(np.asarray(self.losses))


def curve_of_past(trial: PastTrial, features: Array, objective: Objective, epochs: int) -> Curve:
    """Return the curve of an earlier experiment's trial, up to the epochs of a full training."""
    curve = Curve(dict(trial.values), features)
    for epoch, value in sorted(trial.curve.items()):
        assert isinstance(value, int | float)
        if epoch <= epochs:
            curve.take(epoch, objective.loss(value))
    return curve


def geometric_rungs(epochs: int) -> list[int]:
    """Return the epochs at which trials pause, ascending; the last is the full training.

    50 epochs give 3, 4, 6, 9, 14, 21, 32, 50; 10 give 3, 4, 6, 10; 3 give 1, 2, 3.
    """
    steps = [max(round(FIRST_SHARE * epochs), min(FIRST_EPOCHS, math.ceil(epochs / 3)))]
    while steps[-1] < epochs:
        steps.append(min(epochs, max(steps[-1] + 1, round(steps[-1] * STEP))))
    if len(steps) > 2 and epochs < 1.25 * steps[-2]:
        steps.pop(-2)
    return steps


def first_epochs(curves: Sequence[Curve], steps: Sequence[int]) -> int:
    """Return how long a new trial trains before it is compared: 1 epoch or the first rung.

    If the ranks after epoch 1 agree with those at the first rung, one epoch is enough, and the
    same budget tries several times as many configurations.
    """
    seen = [c.bests[: steps[0]] for c in curves if c.epoch >= steps[0] and not c.is_dead]
    if len(seen) < MIN_CURVES:
        return steps[0]
    ranks = _ranks(np.stack(seen))
    if ranks.std(axis=0).min() == 0:
        return steps[0]
    agreement = np.corrcoef(ranks[:, 0], ranks[:, -1])[0, 1]
    return 1 if agreement >= AGREEMENT else steps[0]


def repeated(curve: Curve, curves: Sequence[Curve], *, epochs: int) -> int | None:
    """Return the number of another trial whose first losses equal this curve's; None if none.

    A curve that hardly moves repeats none: models that have learnt nothing are all alike.
    """
    losses = curve.losses
    if len(losses) > epochs or len(set(losses)) < MOVING:
        return None
    for number, other in enumerate(curves):
        if other is not curve and not other.is_void and other.losses[: len(losses)] == losses:
            return number
    return None


def observations(
    curves: Sequence[Curve], steps: Sequence[int], past: Sequence[Curve] = ()
) -> Observations | None:
    """Return the best losses at some rungs and at the last epoch of each trial, standardised.

    Losses become normal scores of their ranks: differences between good trials count although
    bad ones are far off, and nothing depends on the metric's unit. A diverged trial ranks with
    the worst. Trials of earlier experiments have numbers below -1. None if no loss is finite.
    """
    trials = [(n, c) for n, c in enumerate(curves) if c.epoch and not c.is_void]
    # -1 stands for a trial that is not started, so earlier experiments begin at -2.
    trials += [(-2 - n, c) for n, c in enumerate(past) if c.epoch]
    epochs = steps[-1]
    # Every second rung: neighbours correlate strongly and cost as much as any observation.
    depths = {first_epochs(curves, steps), *steps[::2]}
    rows = [
        (n, c.features, epoch, float(bests[epoch - 1]))
        for n, c in _limited(trials)
        for bests in [c.bests]
        for epoch in sorted({len(bests), *(e for e in depths if e < len(bests))})
    ]
    if not any(math.isfinite(row[3]) for row in rows):
        return None
    losses = np.array([row[3] for row in rows])
    # Ranks from 0 plus a half, over their number: quantiles that are never 0 or 1.
    return Observations(
        points=np.stack([row[1] for row in rows]),
        times=times_of(np.array([row[2] for row in rows], float), epochs),
        trials=np.array([row[0] for row in rows]),
        losses=ndtri((_ranks(losses) + 0.5) / len(losses)),
    )


def times_of(epoch: Array, epochs: int) -> Array:
    """Return epochs on the model's scale of time: 0 at the first, 1 at the end."""
    return np.asarray(np.log(epoch) / math.log(max(epochs, 2)), dtype=np.float64)


def _limited(trials: list[tuple[int, Curve]]) -> list[tuple[int, Curve]]:
    """Return as many trials as the model can hold: the best, and some of the others.

    The others are spread over all ranks, so that the model still knows where bad trials lie.
    """
    most = MAX_OBSERVATIONS // 2
    if len(trials) <= most:
        return trials
    order = sorted(range(len(trials)), key=lambda i: float(trials[i][1].bests[-1]))
    best, rest = order[: most * 2 // 3], order[most * 2 // 3 :]
    spread = rest[:: max(1, len(rest) // (most - len(best)) + 1)]
    return [trials[i] for i in sorted([*best, *spread])]


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ranks from 0 along the first axis; equals share their mean, infinite ones too."""
    values = np.where(np.isfinite(values), values, np.inf)
    order = np.sort(values, axis=0)
    if values.ndim == 1:
        low, high = np.searchsorted(order, values), np.searchsorted(order, values, side="right")
        return np.asarray((low + high - 1) / 2, dtype=np.float64)
    return np.stack([_ranks(column) for column in values.T], axis=1)
