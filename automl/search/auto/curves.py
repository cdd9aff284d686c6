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
        return self.bests_from(1)

    def bests_from(self, first: int) -> Array:
        """Return the best loss from an epoch up to each later one; nothing if it is not reached."""
        return np.minimum.accumulate(np.asarray(self.losses[first - 1 :]))


def curve_of_past(trial: PastTrial, features: Array, objective: Objective, epochs: int) -> Curve:
    """Return the curve of an earlier experiment's trial, up to the epochs of a full training."""
    curve = Curve(dict(trial.values), features)
    for epoch, value in sorted(trial.curve.items()):
        assert isinstance(value, int | float)
        if epoch <= epochs:
            curve.take(epoch, objective.loss(value))
    return curve


def repeated(curve: Curve, curves: Sequence[Curve]) -> int | None:
    """Return the number of another trial whose first losses equal this curve's; None if none.

    A curve that hardly moves repeats none: models that have learnt nothing are all alike.
    """
    losses = curve.losses
    if len(set(losses)) < MOVING:
        return None
    for number, other in enumerate(curves):
        if other is not curve and not other.is_void and other.losses[: len(losses)] == losses:
            return number
    return None


@dataclass(frozen=True)
class Ladder:
    """The rungs that may tell one trial from another, and what follows from them."""

    rungs: list[int]
    """Ascending; the last is the full training."""
    look: int
    """Epochs of a new trial before it is compared."""
    since: int = 1
    """The first epoch whose losses count: those below the first rung tell nothing."""
    is_blind: bool = False
    """No rung is known to tell anything yet."""
    foretells: float = 1.0
    """How well the order at the first rung correlates with later ones, as far as is known."""


def observations(
    curves: Sequence[Curve], ladder: Ladder, past: Sequence[Curve] = ()
) -> Observations | None:
    """Return the best losses at some rungs and at the last epoch of each trial, standardised.

    Losses become normal scores of their ranks: differences between good trials count although
    bad ones are far off, and nothing depends on the metric's unit. A diverged trial ranks with
    the worst. Trials of earlier experiments have numbers below -1. None if no loss is finite.
    """
    since = ladder.since
    trials = [(n, c) for n, c in enumerate(curves) if c.epoch >= since and not c.is_void]
    # -1 stands for a trial that is not started, so earlier experiments begin at -2.
    trials += [(-2 - n, c) for n, c in enumerate(past) if c.epoch >= since]
    epochs = ladder.rungs[-1]
    # Every second rung: neighbours correlate strongly and cost as much as any observation.
    depths = {ladder.look, *ladder.rungs[::2]}
    rows = [
        (n, c.features, epoch, float(bests[epoch - since]))
        for n, c in _limited(trials)
        for bests in [c.bests_from(since)]
        for epoch in sorted({c.epoch, *(e for e in depths if since <= e < c.epoch)})
    ]
    if not any(math.isfinite(row[3]) for row in rows):
        return None
    losses = np.array([row[3] for row in rows])
    # Ranks from 0 plus a half, over their number: quantiles that are never 0 or 1.
    return Observations(
        points=np.stack([row[1] for row in rows]),
        times=times_of(np.array([row[2] for row in rows], float), epochs),
        trials=np.array([row[0] for row in rows]),
        losses=ndtri((ranks(losses) + 0.5) / len(losses)),
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


def ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ranks from 0 along the first axis; equals share their mean, infinite ones too."""
    values = np.where(np.isfinite(values), values, np.inf)
    order = np.sort(values, axis=0)
    if values.ndim == 1:
        low, high = np.searchsorted(order, values), np.searchsorted(order, values, side="right")
        return np.asarray((low + high - 1) / 2, dtype=np.float64)
    return np.stack([ranks(column) for column in values.T], axis=1)
