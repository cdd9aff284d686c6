"""What `auto` believes with one set of hyperparameters: a Gaussian process over learning curves.

The slope that all trials have in common is estimated with the rest and then taken as known: it is
gained by whichever trial trains long, and is no reason to train one now.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, solve_triangular

from automl.search.auto.kernel import JITTER, SLOPE, Array, Hyperparameters, distances, matern, near


@dataclass(frozen=True)
class Observations:
    """Losses at (configuration, time), with the trial of each; all arrays have one length."""

    points: Array
    times: Array
    trials: NDArray[np.int64]
    losses: Array

    def with_more(
        self, points: Array, times: Array, trials: NDArray[np.int64], losses: Array
    ) -> "Observations":
        """Return these and others."""
        return Observations(
            np.concatenate([self.points, points]),
            np.concatenate([self.times, times]),
            np.concatenate([self.trials, trials]),
            np.concatenate([self.losses, losses]),
        )


@dataclass(frozen=True)
class Outlook:
    """What a model expects of points at some times; mean and variance are (times, points)."""

    points: Array
    trials: NDArray[np.int64]
    times: Array
    mean: Array
    variance: Array
    """Of the losses without their noise."""
    half: Array
    """(observations, times, points): two of these give by how much seeing one tells of another."""

    @property
    def deviation(self) -> Array:
        """The standard deviation."""
        return np.asarray(np.sqrt(np.maximum(self.variance, 1e-10)), dtype=np.float64)


class CurveModel:
    """The process given observations; points are rows of features, groups their parameters."""

    def __init__(
        self, seen: Observations, groups: NDArray[np.int64], hyper: Hyperparameters
    ) -> None:
        self._seen = seen
        self._scales = np.exp(-hyper.theta[:-4])[groups]
        self._level, self._shape, self._own, self._noise = np.exp(2 * hyper.theta[-4:])
        same = seen.trials[:, None] == seen.trials[None]
        alike = self._matern(seen.points, seen.points)
        kernel = self._covariance(alike, near(seen.times, seen.times), same)
        kernel[np.diag_indices(len(kernel))] += self._noise + JITTER
        self._factor = np.linalg.cholesky(kernel)
        self._mean = float(seen.losses.mean())
        residuals = seen.losses - self._mean
        both = np.stack([seen.times, residuals], axis=1)
        by_time, by_loss = cho_solve((self._factor, True), both, check_finite=False).T
        # A regression on time with a normal prior (Rasmussen and Williams, 2.7).
        self._slope = float(seen.times @ by_loss / (SLOPE**-2 + seen.times @ by_time))
        self._weights = by_loss - self._slope * by_time

    def means(self, points: Array, trials: NDArray[np.int64], times: Array) -> Array:
        """Return the expected losses, (times, points), in a fraction of the time of `outlook`."""
        return self._means(self._cross(self._to_seen(points), trials, times), times)

    def outlook(self, points: Array, trials: NDArray[np.int64], times: Array) -> Outlook:
        """Return what is expected of losses at times of which the last is the end."""
        cross = self._cross(self._to_seen(points), trials, times)
        mean = self._means(cross, times)
        half = self._half(cross)
        return Outlook(points, trials, times, mean, self._variance(half), half)

    def sway(
        self, outlook: Outlook, rows: NDArray[np.bool_], *, other: Array, trial: int
    ) -> tuple[Array, Array]:
        """Return how far seeing a loss would move two predicted losses at the end.

        The point's own and that of a trial at the point `other`, (times, points) each, for a loss
        that comes in one standard deviation higher than predicted, at the times of these rows.
        """
        end = outlook.times[-1:]
        there, own = outlook.half[:, rows], outlook.half[:, -1]
        others = self._half(self._cross(self._to_seen(other[None]), np.array([trial]), end))
        close = near(outlook.times[rows], end)
        deviation = np.sqrt(outlook.variance[rows] + self._noise)
        alike = self._matern(outlook.points, other[None]).T
        prior = self._covariance(np.ones_like(alike), close, np.ones(1, dtype=np.bool_))
        moved = prior - np.einsum("ntp,np->tp", there, own)
        prior = self._covariance(alike, close, outlook.trials == trial)
        moved_other = prior - np.einsum("ntp,n->tp", there, others[:, 0, 0])
        return moved / deviation, moved_other / deviation

    def foresight(self) -> float:
        """Return the correlation of trials' last losses with predictions made without them.

        -1 where nothing can be told. The predictions leave a whole trial out (Rasmussen and
        Williams, 5.4.2, for blocks).
        """
        inverse = cho_solve((self._factor, True), np.eye(len(self._weights)), check_finite=False)
        last: list[float] = []
        errors: list[float] = []
        for trial in np.unique(self._seen.trials):
            block = np.flatnonzero(self._seen.trials == trial)
            error = np.linalg.solve(inverse[np.ix_(block, block)], self._weights[block])
            last.append(float(self._seen.losses[block[-1]]))
            errors.append(float(error[-1]))
        foreseen = np.subtract(last, errors)
        if len(last) < 3 or np.std(last) < 1e-9 or np.std(foreseen) < 1e-9:
            return -1.0
        return float(np.corrcoef(last, foreseen)[0, 1])

    def _means(self, cross: Array, times: Array) -> Array:
        line = self._mean + self._slope * times[:, None]
        return np.asarray(line + cross @ self._weights, dtype=np.float64)

    def _cross(self, alike: Array, trials: NDArray[np.int64], times: Array) -> Array:
        """Return the covariances with what was seen: (times, points, observations)."""
        close = near(times, self._seen.times)
        cross: Array = alike * (self._level + self._shape * close)[:, None]
        # Few points are of a trial that was seen: a sum over all would take twice as long.
        point, seen = np.nonzero(trials[:, None] == self._seen.trials[None])
        cross[:, point, seen] += self._own * close[:, seen]
        return cross

    def _half(self, cross: Array) -> Array:
        """Return what a product of two covariances with what was seen is made of: axis 0 first."""
        flat = cross.reshape(-1, cross.shape[-1]).T
        half = solve_triangular(
            self._factor, flat, lower=True, overwrite_b=True, check_finite=False
        )
        return np.asarray(half, dtype=np.float64).reshape(-1, *cross.shape[:2])

    def _variance(self, half: Array) -> Array:
        prior = self._level + self._shape + self._own
        return np.asarray(prior - (half**2).sum(axis=0), dtype=np.float64)

    def _to_seen(self, points: Array) -> Array:
        return self._matern(points, self._seen.points)

    def _matern(self, points: Array, others: Array) -> Array:
        return matern(distances(points * self._scales, others * self._scales))

    def _covariance(self, alike: Array, close: Array, same: NDArray[np.bool_]) -> Array:
        mixed = alike * (self._level + self._shape * close)
        return np.asarray(mixed + self._own * close * same, dtype=np.float64)
