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
TREND = 1.0
"""Standard deviation of the common trend, of standardised losses."""
SQRT5 = 5**0.5


@dataclass(frozen=True)
class Observations:
    """Losses at (configuration, time), with the trial of each; all arrays have one length."""

    points: Array
    times: Array
    trials: NDArray[np.int64]
    losses: Array


@dataclass(frozen=True)
class Hyperparameters:
    """Logarithms: length scale per group of features, then level, shape, own, noise."""

    theta: Array

    @staticmethod
    def prior(groups: int) -> "Hyperparameters":
        """Return the centre of the prior: length scales grow with the root of the dimension."""
        scales = np.full(groups, np.log(0.4 * groups**0.5))
        return Hyperparameters(np.concatenate([scales, np.log([0.8, 0.4, 0.3, 0.1])]))


_WIDTH_OF_SCALES = 1.0
_WIDTH_OF_OTHERS = 0.7


class CurveModel:
    """The process given observations; points are rows of features, groups their parameters."""

    def __init__(self, seen: Observations, groups: NDArray[np.int64], hyper: Hyperparameters):
        self._seen = seen
        self._groups = groups
        self._theta = hyper.theta
        kernel = self._kernel()
        n = len(seen.losses)
        self._mean = float(seen.losses.mean())
        noise = np.exp(2 * self._theta[-1])
        kernel[np.diag_indices(n)] += noise + 1e-6
        self._factor = np.linalg.cholesky(kernel)
        self._weights = cho_solve((self._factor, True), seen.losses - self._mean)

    def predict(
        self, points: Array, trials: NDArray[np.int64], times: Array
    ) -> tuple[Array, Array]:
        """Return mean and standard deviation of the noiseless losses, (times, points) each.

        The points share their distances over all times, which is most of the work.
        """
        matern = self._matern(points)
        same = trials[:, None] == self._seen.trials[None]
        level, shape, own = np.exp(2 * self._theta[-4:-1])
        near = _near(times, self._seen.times)[:, None, :]
        cross = matern * (level + shape * near) + near * (own * same + TREND**2)
        flat = cross.reshape(-1, cross.shape[-1])
        half = solve_triangular(self._factor, flat.T, lower=True, check_finite=False)
        variance = level + shape + own + TREND**2 - (half**2).sum(axis=0)
        deviation = np.sqrt(np.maximum(variance, 1e-10))
        shape_of = (len(times), len(points))
        return (self._mean + flat @ self._weights).reshape(shape_of), deviation.reshape(shape_of)

    def _matern(self, points: Array) -> Array:
        scales = np.exp(-self._theta[:-4])[self._groups]
        return _matern(_distances(points * scales, self._seen.points * scales))

    def _kernel(self) -> Array:
        seen = self._seen
        level, shape, own = np.exp(2 * self._theta[-4:-1])
        near = _near(seen.times, seen.times)
        same = seen.trials[:, None] == seen.trials[None]
        return self._matern(seen.points) * (level + shape * near) + near * (own * same + TREND**2)


def tuned(
    seen: Observations, groups: NDArray[np.int64], start: Hyperparameters, *, steps: int
) -> Hyperparameters:
    """Return hyperparameters of higher posterior, by a few steps of L-BFGS from `start`."""
    count = len(start.theta) - 4
    centre = Hyperparameters.prior(count).theta
    width = np.concatenate([np.full(count, _WIDTH_OF_SCALES), np.full(4, _WIDTH_OF_OTHERS)])
    y = seen.losses - seen.losses.mean()
    squares = np.stack(
        [
            _distances(seen.points[:, groups == g], seen.points[:, groups == g])
            for g in range(count)
        ]
    )
    near = np.exp(-0.5 * ((seen.times[:, None] - seen.times[None]) / TIME_SCALE) ** 2)
    same = near * (seen.trials[:, None] == seen.trials[None])
    eye = np.eye(len(y))

    def loss(theta: Array) -> tuple[float, Array]:
        level, shape, own, noise = np.exp(2 * theta[-4:])
        weights = np.exp(-2 * theta[:-4])
        r2 = np.tensordot(weights, squares, axes=1)
        r = np.sqrt(r2)
        decay = np.exp(-SQRT5 * r)
        matern = (1 + SQRT5 * r + 5 / 3 * r2) * decay
        mixed = level + shape * near
        kernel = matern * mixed + own * same + TREND**2 * near + (noise + 1e-6) * eye
        try:
            factor = cho_factor(kernel, lower=True, check_finite=False)
        except np.linalg.LinAlgError:
            return 1e10, np.zeros_like(theta)
        alpha = cho_solve(factor, y, check_finite=False)
        inverse = cho_solve(factor, eye, check_finite=False)
        outer = 0.5 * (inverse - np.outer(alpha, alpha))
        value = 0.5 * y @ alpha + np.log(np.diag(factor[0])).sum()
        slope = outer * mixed * (5 / 3) * (1 + SQRT5 * r) * decay
        gradient = np.empty_like(theta)
        gradient[:-4] = weights * np.tensordot(squares, slope, axes=2)
        gradient[-4] = 2 * level * (outer * matern).sum()
        gradient[-3] = 2 * shape * (outer * matern * near).sum()
        gradient[-2] = 2 * own * (outer * same).sum()
        gradient[-1] = 2 * noise * np.trace(outer)
        away = (theta - centre) / width
        return float(value + 0.5 * away @ away), gradient + away / width

    found = minimize(
        loss, start.theta, jac=True, method="L-BFGS-B",
        bounds=[(c - 3 * w, c + 3 * w) for c, w in zip(centre, width, strict=True)],
        options={"maxiter": steps},
    )
    return Hyperparameters(found.x)


def _distances(a: Array, b: Array) -> Array:
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2 * a @ b.T
    return np.maximum(squares, 0.0)


def _matern(r2: Array) -> Array:
    r = np.sqrt(r2)
    return (1 + SQRT5 * r + 5 / 3 * r2) * np.exp(-SQRT5 * r)


def _near(a: Array, b: Array) -> Array:
    return np.exp(-0.5 * ((a[:, None] - b[None]) / TIME_SCALE) ** 2)
