"""What an epoch is worth, spent on a new configuration or on a paused trial."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from automl.search.auto_curves import times_of
from automl.search.auto_model import Array, CurveModel

BEYOND = 0.01
"""What a gain counts that lies beyond the budget that is left."""
FAILURE_REACH = 0.1
"""How far a failure speaks, in parts of a range."""
LEAST = 1e-300


@dataclass(frozen=True)
class Offers:
    """What a free slot may do: first new configurations, then paused trials."""

    values: Sequence[dict[str, Any]]
    """Of the new ones."""
    rows: Array
    """Features of all."""
    trials: NDArray[np.int64]
    """Numbers of the trials, -1 for a new one."""
    epochs: NDArray[np.int64]
    """Trained so far."""


def gain_per_epoch(
    model: CurveModel, offers: Offers, *, best: float, horizons: Array, left: int | None
) -> tuple[Array, Array]:
    """Return the logarithm of the expected improvement per epoch, and the chance of any.

    The improvement is looked for at each horizon beyond an offer's epoch, and the best rate
    counts: a new trial may pay soon or at the end. The chance is the one at the last horizon.
    """
    last = int(horizons[-1])
    mean, deviation = model.predict(offers.rows, offers.trials, times_of(horizons, last))
    standing = (best - mean) / deviation
    chance = ndtr(standing)
    improvement = deviation * (standing * chance + np.exp(-(standing**2) / 2) / np.sqrt(2 * np.pi))
    epochs = horizons[:, None] - offers.epochs[None]
    if left is not None:
        improvement = np.where(epochs > left, BEYOND * improvement, improvement)
    rate = np.log(np.maximum(improvement, LEAST)) - np.log(np.maximum(epochs, 1))
    return np.where(epochs > 0, rate, -np.inf).max(axis=0), chance[-1]


def share_of_failures(
    rows: Array, told: Array, failed: Sequence[Array], groups: NDArray[np.int64]
) -> Array:
    """Return how many of the trials like each row failed, a smooth share from 0 to below 1.

    Like in one parameter at a time, the worst one counts: memory runs out by the batch, losses
    diverge by the learning rate, whatever the rest is.
    """
    share = np.zeros(len(rows))
    for group in range(int(groups.max()) + 1 if failed and len(groups) else 0):
        columns = groups == group
        bad = _nearness(rows[:, columns], np.stack(failed)[:, columns])
        good = _nearness(rows[:, columns], told[:, columns])
        share = np.maximum(share, bad / (bad + good + 0.5))
    return share


def _nearness(rows: Array, others: Array) -> Array:
    squares = ((rows[:, None] - others[None]) ** 2).sum(axis=2)
    return np.asarray(np.exp(-squares / (2 * FAILURE_REACH**2)).sum(axis=1), dtype=np.float64)
