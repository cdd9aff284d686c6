"""What `auto` believes: a Gaussian process over (configuration, epoch), curves of a trial tied.

A loss is level(x) + shape(x, t) + the trial's own deviation(t) + the common trend(t) + noise. One
Matern kernel with a length scale per parameter serves level and shape; time is the logarithm of
the epoch. It is the freeze-thaw idea (Swersky et al., arXiv 1406.3896) with a separable kernel.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.optimize import minimize

Array = NDArray[np.float64]

TIME_SCALE = 0.5
"""Length scale of log(epoch) / log(full epochs): neighbouring rungs tell much of each other."""
TREND = 0.5
"""Standard deviation of the common trend, of standardised losses, which is flat until seen: only
good trials train long, and what they fell by made others look better than they end."""
JITTER = 1e-6
WIDTH_OF_SCALES, WIDTH_OF_OTHERS = 1.0, 0.7
"""Of the prior of the logarithms."""
SQRT5 = 5**0.5


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
class Hyperparameters:
    """Logarithms: length scale per group of features, then level, shape, own, noise."""

    theta: Array

    @staticmethod
    def prior(groups: int) -> "Hyperparameters":
        """Return the centre of the prior: length scales grow with the root of the dimension."""
        scales = np.full(groups, np.log(0.4 * groups**0.5))
        return Hyperparameters(np.concatenate([scales, np.log([0.8, 0.4, 0.3, 0.1])]))


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
        near = _near(seen.times, seen.times)
        same = seen.trials[:, None] == seen.trials[None]
        kernel = self._covariance(self._matern(seen.points, seen.points), near, same)
        kernel[np.diag_indices(len(kernel))] += self._noise + JITTER
        self._factor = np.linalg.cholesky(kernel)
        self._mean = float(seen.losses.mean())
        residuals = seen.losses - self._mean
        self._weights = cho_solve((self._factor, True), residuals, check_finite=False)

    def means(self, points: Array, trials: NDArray[np.int64], times: Array) -> Array:
        """Return the expected losses, (times, points), in a fraction of the time of `outlook`."""
        cross = self._cross(self._to_seen(points), trials, times)
        return np.asarray(self._mean + cross @ self._weights, dtype=np.float64)

    def outlook(self, points: Array, trials: NDArray[np.int64], times: Array) -> Outlook:
        """Return what is expected of losses at times of which the last is the end."""
        cross = self._cross(self._to_seen(points), trials, times)
        mean = self._mean + cross @ self._weights
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
        near = _near(outlook.times[rows], end)
        deviation = np.sqrt(outlook.variance[rows] + self._noise)
        alike = self._matern(outlook.points, other[None]).T
        prior = self._covariance(np.ones_like(alike), near, np.ones(1, dtype=np.bool_))
        moved = prior - np.einsum("ntp,np->tp", there, own)
        prior = self._covariance(alike, near, outlook.trials == trial)
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

    def _cross(self, matern: Array, trials: NDArray[np.int64], times: Array) -> Array:
        """Return the covariances with what was seen: (times, points, observations)."""
        near = _near(times, self._seen.times)
        cross: Array = matern * (self._level + self._shape * near)[:, None]
        cross += (near * TREND**2)[:, None]
        # Few points are of a trial that was seen: a sum over all would take twice as long.
        point, seen = np.nonzero(trials[:, None] == self._seen.trials[None])
        cross[:, point, seen] = self._covariance(matern[point, seen], near[:, seen], np.True_)
        return cross

    def _half(self, cross: Array) -> Array:
        """Return what a product of two covariances with what was seen is made of: axis 0 first."""
        flat = cross.reshape(-1, cross.shape[-1]).T
        half = solve_triangular(
            self._factor, flat, lower=True, overwrite_b=True, check_finite=False
        )
        return np.asarray(half, dtype=np.float64).reshape(-1, *cross.shape[:2])

    def _variance(self, half: Array) -> Array:
        prior = self._level + self._shape + self._own + TREND**2
        return np.asarray(prior - (half**2).sum(axis=0), dtype=np.float64)

    def _to_seen(self, points: Array) -> Array:
        return self._matern(points, self._seen.points)

    def _matern(self, points: Array, others: Array) -> Array:
        return _matern(_distances(points * self._scales, others * self._scales))

    def _covariance(self, matern: Array, near: Array, same: NDArray[np.bool_] | np.bool_) -> Array:
        common = near * (self._own * same + TREND**2)
        return np.asarray(matern * (self._level + self._shape * near) + common, dtype=np.float64)


def tuned(
    seen: Observations, groups: NDArray[np.int64], start: Hyperparameters, *, steps: int
) -> Hyperparameters:
    """Return hyperparameters of higher posterior, by a few steps of L-BFGS from `start`."""
    count = len(start.theta) - 4
    centre = Hyperparameters.prior(count).theta
    width = np.array([WIDTH_OF_SCALES] * count + [WIDTH_OF_OTHERS] * 4)
    evidence = _Evidence(seen, groups, count)

    def loss(theta: Array) -> tuple[float, Array]:
        value, gradient = evidence(theta)
        away = (theta - centre) / width
        return value + 0.5 * float(away @ away), gradient + away / width

    found = minimize(
        loss,
        start.theta,
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(centre - 3 * width, centre + 3 * width, strict=True)),
        options={"maxiter": steps},
    )
    return Hyperparameters(np.asarray(found.x, dtype=np.float64))


class _Evidence:
    """The negative logarithm of the marginal likelihood, and its gradient."""

    def __init__(self, seen: Observations, groups: NDArray[np.int64], count: int) -> None:
        columns = [seen.points[:, groups == g] for g in range(count)]
        self._squares = np.stack([_distances(c, c) for c in columns])
        self._near = _near(seen.times, seen.times)
        self._same = self._near * (seen.trials[:, None] == seen.trials[None])
        self._residuals = seen.losses - seen.losses.mean()
        self._eye = np.eye(len(seen.losses))

    def __call__(self, theta: Array) -> tuple[float, Array]:
        level, shape, own, noise = np.exp(2 * theta[-4:])
        weights = np.exp(-2 * theta[:-4])
        r2 = np.tensordot(weights, self._squares, axes=1)
        r = np.sqrt(r2)
        decay = np.exp(-SQRT5 * r)
        matern = (1 + SQRT5 * r + 5 / 3 * r2) * decay
        mixed = level + shape * self._near
        kernel = matern * mixed + own * self._same + TREND**2 * self._near
        factor = cho_factor(kernel + (noise + JITTER) * self._eye, lower=True, check_finite=False)
        alpha = cho_solve(factor, self._residuals, check_finite=False)
        inverse = cho_solve(factor, self._eye, check_finite=False)
        outer = 0.5 * (inverse - np.outer(alpha, alpha))
        slope = outer * mixed * (5 / 3) * (1 + SQRT5 * r) * decay
        gradient = np.concatenate(
            [
                weights * np.tensordot(self._squares, slope, axes=2),
                [
                    2 * level * (outer * matern).sum(),
                    2 * shape * (outer * matern * self._near).sum(),
                    2 * own * (outer * self._same).sum(),
                    2 * noise * np.trace(outer),
                ],
            ]
        )
        value = 0.5 * self._residuals @ alpha + np.log(np.diag(factor[0])).sum()
        return float(value), gradient


def _distances(a: Array, b: Array) -> Array:
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2 * a @ b.T
    return np.asarray(np.maximum(squares, 0.0), dtype=np.float64)


def _matern(r2: Array) -> Array:
    r = np.sqrt(r2)
    return np.asarray((1 + SQRT5 * r + 5 / 3 * r2) * np.exp(-SQRT5 * r), dtype=np.float64)


def _near(a: Array, b: Array) -> Array:
    return np.exp(-0.5 * ((a[:, None] - b[None]) / TIME_SCALE) ** 2)
