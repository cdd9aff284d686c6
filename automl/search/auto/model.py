"""A Gaussian process over learning curves, for one set of hyperparameters.

The slope that all trials share is estimated with the rest and then treated as known: any trial that
trains long gains it, so it is no reason to choose one. So is the factor by which losses follow what
is expected of their configurations before this search.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, solve_triangular

from automl.search.auto.kernel import (
    JITTER,
    SLOPE,
    TRUST,
    TRUST_WIDTH,
    Array,
    Hyperparameters,
    distances,
    matern,
    near,
)

Expected = Callable[[Array], Array]
"""Standardised losses that rows of features are expected to have, before any is seen."""


@dataclass(frozen=True)
class Observations:
    """Losses at (configuration, time), with the number of each one's trial; equally long arrays."""

    points: Array
    times: Array
    trials: NDArray[np.int64]
    losses: Array

    def with_more(
        self, points: Array, times: Array, trials: NDArray[np.int64], losses: Array
    ) -> "Observations":
        """Return these observations followed by others."""
        return Observations(
            np.concatenate([self.points, points]),
            np.concatenate([self.times, times]),
            np.concatenate([self.trials, trials]),
            np.concatenate([self.losses, losses]),
        )


@dataclass(frozen=True)
class Outlook:
    """Predicted losses of points at some times; mean and variance are (times, points)."""

    points: Array
    trials: NDArray[np.int64]
    times: Array
    mean: Array
    variance: Array
    """Of the losses without their noise."""
    half: Array
    """The Cholesky factor's inverse times the covariance with the observations, (observations,
    times, points): the product of two columns is what the observations take off a covariance."""

    @property
    def deviation(self) -> Array:
        """The standard deviation."""
        return np.asarray(np.sqrt(np.maximum(self.variance, 1e-10)), dtype=np.float64)


class CurveModel:
    """The process given observations; points are rows of features, groups their parameters."""

    def __init__(
        self,
        seen: Observations,
        groups: NDArray[np.int64],
        hyper: Hyperparameters,
        expected: Expected | None = None,
    ) -> None:
        self._seen = seen
        self._expected = expected
        self._scales = np.exp(-hyper.theta[:-4])[groups]
        self._level, self._shape, self._own, self._noise = np.exp(2 * hyper.theta[-4:])
        # Only observations of one trial share its own deviation.
        same = seen.trials[:, None] == seen.trials[None]
        alike = self._matern(seen.points, seen.points)
        kernel = self._covariance(alike, near(seen.times, seen.times), same)
        kernel[np.diag_indices(len(kernel))] += self._noise + JITTER
        self._factor = np.linalg.cholesky(kernel)
        self._mean = float(seen.losses.mean())
        residuals = seen.losses - self._mean
        # The common slope and the trust are a regression with normal priors, inside the process
        # (Rasmussen and Williams, 2006, 2.7); the weights predict from what it leaves.
        basis = self._basis(seen.times, seen.points)
        centre, width = np.array([0.0, TRUST]), np.array([SLOPE, TRUST_WIDTH])
        centre, precision = centre[: len(basis)], width[: len(basis)] ** -2
        both = np.concatenate([basis, residuals[None]]).T
        solved = cho_solve((self._factor, True), both, check_finite=False)
        by_basis, by_loss = solved[:, :-1], solved[:, -1]
        self._line = np.linalg.solve(
            np.diag(precision) + basis @ by_basis, precision * centre + basis @ by_loss
        )
        self._weights = by_loss - by_basis @ self._line

    def _basis(self, times: Array, points: Array) -> Array:
        """Return what losses are proportional to, a row each; the arrays are equally long."""
        rows = [times] if self._expected is None else [times, self._expected(points)]
        return np.stack(rows)

    def means(self, points: Array, trials: NDArray[np.int64], times: Array) -> Array:
        """Return the expected losses, (times, points), much faster than `outlook`."""
        return self._means(self._cross(self._to_seen(points), trials, times), points, times)

    def outlook(self, points: Array, trials: NDArray[np.int64], times: Array) -> Outlook:
        """Return the predicted losses at some times; the last must be the end of a training."""
        cross = self._cross(self._to_seen(points), trials, times)
        mean = self._means(cross, points, times)
        half = self._half(cross)
        return Outlook(points, trials, times, mean, self._variance(half), half)

    def sway(
        self, outlook: Outlook, rows: NDArray[np.bool_], *, other: Array, trial: int
    ) -> tuple[Array, Array]:
        """Return how far an observation would move two predicted losses at the end.

        They are the point's own end and the end of a trial at the point `other`, each (times,
        points). The observation is one standard deviation above its prediction, at the times of
        these rows: the posterior covariance with the end over the observation's deviation
        (Frazier et al., 2009).
        """
        end = outlook.times[-1:]
        observed, own = outlook.half[:, rows], outlook.half[:, -1]
        others = self._half(self._cross(self._to_seen(other[None]), np.array([trial]), end))
        close = near(outlook.times[rows], end)
        deviation = np.sqrt(outlook.variance[rows] + self._noise)
        alike = self._matern(outlook.points, other[None]).T
        # Posterior covariance = prior covariance - product of the halves, for each of the two ends.
        prior = self._covariance(np.ones_like(alike), close, np.ones(1, dtype=np.bool_))
        moved = prior - np.einsum("ntp,np->tp", observed, own)
        prior = self._covariance(alike, close, outlook.trials == trial)
        moved_other = prior - np.einsum("ntp,n->tp", observed, others[:, 0, 0])
        return moved / deviation, moved_other / deviation

    def foresight(self) -> float:
        """Return the correlation of trials' last losses with predictions made without them.

        -1 if there are too few or no differences. Each prediction leaves a whole trial out, by the
        inverse of the covariance instead of a new fit (Rasmussen and Williams, 5.4.2, for blocks).
        """
        inverse = cho_solve((self._factor, True), np.eye(len(self._weights)), check_finite=False)
        last: list[float] = []
        errors: list[float] = []
        for trial in np.unique(self._seen.trials):
            block = np.flatnonzero(self._seen.trials == trial)
            error = np.linalg.solve(inverse[np.ix_(block, block)], self._weights[block])
            last.append(float(self._seen.losses[block[-1]]))
            errors.append(float(error[-1]))
        predicted = np.subtract(last, errors)
        if len(last) < 3 or np.std(last) < 1e-9 or np.std(predicted) < 1e-9:
            return -1.0
        return float(np.corrcoef(last, predicted)[0, 1])

    def _means(self, cross: Array, points: Array, times: Array) -> Array:
        line = self._mean + self._line[0] * times[:, None]
        if self._expected is not None:
            line = line + self._line[1] * self._expected(points)
        return np.asarray(line + cross @ self._weights, dtype=np.float64)

    def _cross(self, alike: Array, trials: NDArray[np.int64], times: Array) -> Array:
        """Return the covariances with the observations: (times, points, observations)."""
        close = near(times, self._seen.times)
        cross: Array = alike * (self._level + self._shape * close)[:, None]
        # Few points belong to an observed trial: adding zeros for all would take twice as long.
        point, seen = np.nonzero(trials[:, None] == self._seen.trials[None])
        cross[:, point, seen] += self._own * close[:, seen]
        return cross

    def _half(self, cross: Array) -> Array:
        """Return the factor's inverse times covariances with the observations, on axis 0."""
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
