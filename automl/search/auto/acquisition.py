"""What an epoch is worth, spent on a new configuration or on a paused trial."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtr

from automl.search.auto.curves import times_of
from automl.search.auto.kernel import Array
from automl.search.auto.model import CurveModel, Outlook

BEYOND = 0.01
"""What a gain counts that lies beyond the budget that is left."""
KNOWLEDGE = 2.0
"""What a fall of the best predicted end counts, an improvement on the best value seen being 1."""
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


@dataclass(frozen=True)
class Leaders:
    """The two trials that are expected to end best, the first one's number and features."""

    trial: int
    row: Array
    end: float
    second_end: float


def mean_gains(told: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Return the mean of what `gains` returned of several models, of which one has to be true."""
    gain = np.stack([gain for gain, _ in told])
    chance = np.stack([chance for _, chance in told])
    return logsumexp(gain, axis=0) - np.log(len(told)), chance.mean(axis=0)


def gains(
    model: CurveModel,
    offers: Offers,
    *,
    best: float,
    leaders: Leaders | None,
    horizons: Sequence[int],
    rungs: Sequence[int],
    left: int | None,
) -> tuple[Array, Array]:
    """Return the logarithm of what each offer gains per epoch, and its chance to beat the best.

    The gain is the expected improvement on the best loss seen or, where that is more, the
    knowledge gradient times `KNOWLEDGE`. The epochs that either asks about are asked once.
    """
    gain, chance = np.empty(len(offers.rows)), np.empty(len(offers.rows))
    for is_kind, above in ((offers.trials < 0, rungs[:3:2]), (offers.trials >= 0, rungs)):
        kind = np.flatnonzero(is_kind)
        if not len(kind):
            continue
        epochs = np.array(sorted({*horizons, *above}), float)
        times = times_of(epochs, rungs[-1])
        outlook = model.outlook(offers.rows[kind], offers.trials[kind], times)
        ahead: Array = epochs[:, None] - offers.epochs[kind].astype(float)
        is_asked = np.isin(epochs, horizons)
        gain[kind], chance[kind] = improvement_per_epoch(
            outlook, is_asked, ahead, best=best, left=left
        )
        if leaders is not None:
            is_asked = np.isin(epochs, above)
            known = knowledge_per_epoch(model, outlook, is_asked, ahead, leaders, left=left)
            gain[kind] = np.maximum(gain[kind], np.log(KNOWLEDGE) + known)
    return gain, chance


def knowledge_per_epoch(
    model: CurveModel,
    outlook: Outlook,
    is_asked: NDArray[np.bool_],
    ahead: Array,
    leaders: Leaders,
    *,
    left: int | None,
) -> Array:
    """Return the logarithm of the knowledge gradient per epoch.

    It is by how much the lowest predicted end is expected to fall when an offer has been trained
    to one of the times asked about, be it the offer's own or, because seeing it tells of all
    trials, the leader's (Frazier et al., 2009, for two alternatives). The time of the best rate
    counts: a rung, of a new trial the first or the third, for there are hundreds of these, and
    what tells of them tells early. `ahead` are the epochs to each time, (times, offers).
    """
    own, leader = model.sway(outlook, is_asked, other=leaders.row, trial=leaders.trial)
    is_leader = outlook.trials == leaders.trial
    against = np.where(is_leader, leaders.second_end, leaders.end)
    sway = np.maximum(np.abs(own - np.where(is_leader, 0.0, leader)), 1e-12)
    fall = _expected_excess(-np.abs(against - outlook.mean[-1]), sway)
    gain = _best_rate(fall, ahead[is_asked])
    if left is not None:
        gain[ahead[-1] > left] += np.log(BEYOND)
    return gain


def improvement_per_epoch(
    outlook: Outlook,
    is_asked: NDArray[np.bool_],
    ahead: Array,
    *,
    best: float,
    left: int | None,
) -> tuple[Array, Array]:
    """Return the logarithm of the expected improvement per epoch, and the chance of any.

    The improvement is looked for at each time asked about, and the best rate counts: a new trial
    may pay soon or at the end. The chance is the one at the end, which is among them.
    """
    mean, deviation, epochs = outlook.mean[is_asked], outlook.deviation[is_asked], ahead[is_asked]
    improvement = _expected_excess(best - mean, deviation)
    chance = ndtr((best - mean[-1]) / deviation[-1])
    if left is not None:
        improvement = np.where(epochs > left, BEYOND * improvement, improvement)
    return _best_rate(improvement, epochs), chance


def _best_rate(gain: Array, epochs: Array) -> Array:
    """Return the logarithm of the best gain per epoch of those that lie ahead."""
    rate = np.log(gain) - np.log(np.maximum(epochs, 1))
    return np.asarray(np.where(epochs > 0, rate, -np.inf).max(axis=0), dtype=np.float64)


def _expected_excess(mean: Array, deviation: Array) -> Array:
    """Return the expectation of the positive part of a normal variable, at least `LEAST`."""
    standing = mean / deviation
    density = np.exp(-(standing**2) / 2) / np.sqrt(2 * np.pi)
    excess = deviation * (standing * ndtr(standing) + density)
    return np.asarray(np.maximum(excess, LEAST), dtype=np.float64)


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
