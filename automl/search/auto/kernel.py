"""The covariances of `auto`'s model, and their hyperparameters.

A loss is level(x) + shape(x, t) + the trial's own deviation(t) + slope * t + noise. Level and shape
share one Matern kernel with a length scale per parameter; time is the logarithm of the epoch. It is
freeze-thaw (Swersky et al., arXiv 1406.3896) with a separable kernel.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

TIME_SCALE = 0.5
"""Length scale of log(epoch) / log(full epochs): losses at neighbouring rungs are alike."""
SLOPE = 1.0
"""Standard deviation of the common slope, in standardised losses per full training. A straight line
extrapolates; a process that reverts to its mean would undo by the end a fall that it saw early."""
TRUST, TRUST_WIDTH = 0.5, 0.5
"""Prior of the factor by which a loss follows what other data sets let expect."""
JITTER = 1e-6
"""Added to the diagonal, so that repeated points leave a Cholesky factor."""
SQRT5 = 5**0.5
LENGTH = 0.8
"""Centre of the length scales' prior, times the root of the number of parameters: distances in a
cube grow with that root (Hvarfner et al., ICML 2024)."""
LEVEL, SHAPE, OWN, NOISE = 0.8, 0.7, 0.3, 0.1
"""Centres of the priors of the standard deviations; losses are standardised, so these suit any."""
WIDTH_OF_SCALES, WIDTH_OF_OTHERS = 1.0, 0.7
"""Standard deviations of the priors, which are normal in the logarithms."""


@dataclass(frozen=True)
class Hyperparameters:
    """Logarithms: a length scale per group of features, then level, shape, own and noise."""

    theta: Array

    @staticmethod
    def prior(groups: int) -> "Hyperparameters":
        """Return the centre of the prior, which is normal."""
        scales = np.full(groups, np.log(LENGTH * max(groups, 1) ** 0.5))
        return Hyperparameters(np.concatenate([scales, np.log([LEVEL, SHAPE, OWN, NOISE])]))

    @staticmethod
    def width(groups: int) -> Array:
        """Return the standard deviations of the prior."""
        return np.array([WIDTH_OF_SCALES] * groups + [WIDTH_OF_OTHERS] * 4)


def distances(a: Array, b: Array) -> Array:
    """Return the squared distances of rows, (rows of a, rows of b)."""
    # |a - b|^2 = |a|^2 + |b|^2 - 2ab needs one matrix product; rounding may take it below zero.
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2 * a @ b.T
    return np.asarray(np.maximum(squares, 0.0), dtype=np.float64)


def matern(r2: Array) -> Array:
    """Return the Matern correlation of smoothness 5/2 at squared distances."""
    r = np.sqrt(r2)
    return np.asarray((1 + SQRT5 * r + 5 / 3 * r2) * np.exp(-SQRT5 * r), dtype=np.float64)


def near(a: Array, b: Array) -> Array:
    """Return the Gaussian correlation of times, (times of a, times of b)."""
    return np.exp(-0.5 * ((a[:, None] - b[None]) / TIME_SCALE) ** 2)
