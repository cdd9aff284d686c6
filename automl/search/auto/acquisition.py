"""The expected gain of what is spent on a new configuration or on a paused trial.

It is per epoch, or per second where the time of a search is limited.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtr

from automl.search.auto.curves import times_of
from automl.search.auto.kernel import Array
from automl.search.auto.model import CurveModel, Outlook
from automl.search.improvement import expected_excess

BEYOND = 0.01
"""Weight of a gain that lies beyond the rest of the budget."""
KNOWLEDGE = 2.0
"""Weight of a fall of the best predicted end; an improvement on the best value seen has 1."""
FAILURE_REACH = 0.1
"""Standard deviation of a failure's influence, in parts of a range."""
LEAST = 1e-300
"""Floor of an expected gain: its logarithm stays finite."""


@dataclass(frozen=True)
class Offers:
    """The options of a free slot: first new configurations, then paused trials."""

    values: Sequence[dict[str, Any]]
    """Values of the new ones."""
    rows: Array
    """Features of all."""
    trials: NDArray[np.int64]
    """Numbers of the trials, -1 for a new one."""
    epochs: NDArray[np.int64]
    """Epochs trained so far."""


@dataclass(frozen=True)
class Prices:
    """What the epochs of each offer cost, in epochs or in seconds, and what is left to spend."""

    epoch: Array
    """Of one epoch, by offer."""
    start: Array
    """Of starting or resuming, by offer."""
    left: float = math.inf
    left_epochs: float = math.inf

    @staticmethod
    def equal(count: int, *, left_epochs: float = math.inf) -> "Prices":
        """Return the prices of this many offers in epochs."""
        return Prices(np.ones(count), np.zeros(count), left_epochs=left_epochs)

    def of(self, places: NDArray[np.int64]) -> "Prices":
        """Return the prices of some of the offers."""
        return replace(self, epoch=self.epoch[places], start=self.start[places])

    def total(self, ahead: Array) -> Array:
        """Return the price of (times, offers) epochs."""
        return ahead * self.epoch + self.start

    def is_beyond(self, ahead: Array) -> NDArray[np.bool_]:
        """Return whether (times, offers) epochs cost more than what is left."""
        return (ahead > self.left_epochs) | (self.total(ahead) > self.left)


@dataclass(frozen=True)
class Leaders:
    """The two trials with the best predicted ends; number and features are the first one's."""

    trial: int
    row: Array
    end: float
    second_end: float


def mean_gains(results: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Return the means of the results of `gains` for several models, each equally probable.

    The gains are averaged, not their logarithms.
    """
    gain = np.stack([gain for gain, _ in results])
    chance = np.stack([chance for _, chance in results])
    return logsumexp(gain, axis=0) - np.log(len(results)), chance.mean(axis=0)


def gains(
    model: CurveModel,
    offers: Offers,
    *,
    best: float,
    leaders: Leaders | None,
    horizons: Sequence[int],
    rungs: Sequence[int],
    prices: Prices,
) -> tuple[Array, Array]:
    """Return the log gain of each offer for its price, and its probability to beat the best.

    The gain is the larger of the expected improvement on the best loss seen, and the knowledge
    gradient times `KNOWLEDGE`. The model predicts the epochs that either needs together.
    """
    gain, chance = np.empty(len(offers.rows)), np.empty(len(offers.rows))
    # There are hundreds of new offers: two rungs of theirs are looked at, all of a paused trial's.
    for is_kind, above in ((offers.trials < 0, rungs[:3:2]), (offers.trials >= 0, rungs)):
        kind = np.flatnonzero(is_kind)
        if not len(kind):
            continue
        epochs = np.array(sorted({*horizons, *above}), float)
        times = times_of(epochs, rungs[-1])
        outlook = model.outlook(offers.rows[kind], offers.trials[kind], times)
        ahead: Array = epochs[:, None] - offers.epochs[kind].astype(float)
        is_asked, own = np.isin(epochs, horizons), prices.of(kind)
        gain[kind], chance[kind] = improvement_rate(outlook, is_asked, ahead, own, best=best)
        # Without two trials there is no order of predicted ends that knowledge could change.
        if leaders is not None:
            is_asked = np.isin(epochs, above)
            knowledge = knowledge_rate(model, outlook, is_asked, ahead, own, leaders)
            gain[kind] = np.maximum(gain[kind], np.log(KNOWLEDGE) + knowledge)
    return gain, chance


def knowledge_rate(
    model: CurveModel,
    outlook: Outlook,
    is_asked: NDArray[np.bool_],
    ahead: Array,
    prices: Prices,
    leaders: Leaders,
) -> Array:
    """Return the logarithm of the knowledge gradient for its price.

    The gradient is the expected fall of the lowest predicted end, once an offer has been trained
    to one of the times asked about: of the offer's own end or, since an observation informs about
    all trials, of the leader's (Frazier et al., 2009, for two alternatives). The time of the best
    rate counts. `ahead` has the epochs to each time, (times, offers).
    """
    own, leader = model.sway(outlook, is_asked, other=leaders.row, trial=leaders.trial)
    # The leader itself competes with the second; its own end is what moves, the other stands.
    is_leader = outlook.trials == leaders.trial
    against = np.where(is_leader, leaders.second_end, leaders.end)
    sway = np.maximum(np.abs(own - np.where(is_leader, 0.0, leader)), 1e-12)
    fall = _excess(-np.abs(against - outlook.mean[-1]), sway)
    gain = _best_rate(fall, ahead[is_asked], prices)
    gain[prices.is_beyond(ahead[-1])] += np.log(BEYOND)
    return gain


def improvement_rate(
    outlook: Outlook, is_asked: NDArray[np.bool_], ahead: Array, prices: Prices, *, best: float
) -> tuple[Array, Array]:
    """Return the log expected improvement for its price, and its probability at the end.

    Expected improvement (Jones et al., 1998) is computed at each time asked about, and the best
    rate counts: a trial may pay off soon or at the end, which must be the last of the times.
    """
    mean, deviation, epochs = outlook.mean[is_asked], outlook.deviation[is_asked], ahead[is_asked]
    improvement = _excess(best - mean, deviation)
    chance = ndtr((best - mean[-1]) / deviation[-1])
    improvement = np.where(prices.is_beyond(epochs), BEYOND * improvement, improvement)
    return _best_rate(improvement, epochs, prices), chance


def _best_rate(gain: Array, epochs: Array, prices: Prices) -> Array:
    """Return the logarithm of the best gain for its price among the times that lie ahead."""
    rate = np.log(gain) - np.log(prices.total(np.maximum(epochs, 1)))
    return np.asarray(np.where(epochs > 0, rate, -np.inf).max(axis=0), dtype=np.float64)


def _excess(mean: Array, deviation: Array) -> Array:
    return np.asarray(np.maximum(expected_excess(mean, deviation), LEAST), dtype=np.float64)


def share_of_failures(
    rows: Array, succeeded: Array, failed: Sequence[Array], groups: NDArray[np.int64]
) -> Array:
    """Return the share of failures among the trials near each row, smooth, from 0 to below 1.

    Nearness is measured in one parameter at a time, and the worst parameter counts: the batch size
    exhausts memory and the learning rate diverges, whatever the other values are.
    """
    share = np.zeros(len(rows))
    for group in range(int(groups.max()) + 1 if failed and len(groups) else 0):
        columns = groups == group
        bad = _nearness(rows[:, columns], np.stack(failed)[:, columns])
        good = _nearness(rows[:, columns], succeeded[:, columns])
        # Half a trial more in the denominator: one failure alone is no proof.
        share = np.maximum(share, bad / (bad + good + 0.5))
    return share


def _nearness(rows: Array, others: Array) -> Array:
    squares = ((rows[:, None] - others[None]) ** 2).sum(axis=2)
    return np.asarray(np.exp(-squares / (2 * FAILURE_REACH**2)).sum(axis=1), dtype=np.float64)
