"""Fits the hyperparameters of `auto`'s model to the observations: the mode, or samples."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.optimize import minimize

from automl.search.auto.kernel import (
    JITTER,
    SLOPE,
    SQRT5,
    TRUST,
    TRUST_WIDTH,
    Array,
    Hyperparameters,
    distances,
    matern,
    near,
)
from automl.search.auto.model import Observations


def tuned(
    seen: Observations,
    groups: NDArray[np.int64],
    start: Hyperparameters,
    *,
    steps: int,
    expected: Array | None = None,
) -> Hyperparameters:
    """Return hyperparameters of higher posterior, by a few steps of L-BFGS from `start`.

    A few steps at each call are enough: the observations change little between two calls, and
    the next one starts where this one ended. `expected` has the losses that were expected.
    """
    count = len(start.theta) - 4
    centre = Hyperparameters.prior(count).theta
    width = Hyperparameters.width(count)
    evidence = MarginalLikelihood(seen, groups, count, expected)

    def loss(theta: Array) -> tuple[float, Array]:
        # The negative log posterior: likelihood and the normal prior of the logarithms.
        value, gradient = evidence.with_gradient(theta)
        away = (theta - centre) / width
        return value + 0.5 * float(away @ away), gradient + away / width

    result = minimize(
        loss,
        start.theta,
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(centre - 3 * width, centre + 3 * width, strict=True)),
        options={"maxiter": steps},
    )
    return Hyperparameters(np.asarray(result.x, dtype=np.float64))


def sampled(
    seen: Observations,
    groups: NDArray[np.int64],
    starts: Sequence[Hyperparameters],
    rng: np.random.Generator,
    *,
    steps: int,
    expected: Array | None = None,
) -> list[Hyperparameters]:
    """Return a draw from the posterior for each start, `steps` steps of a chain away from it.

    The steps are elliptical slice sampling (Murray et al., AISTATS 2010, figure 2), which has no
    parameter to tune if the prior is normal.
    """
    count = len(starts[0].theta) - 4
    centre = Hyperparameters.prior(count).theta
    width = Hyperparameters.width(count)
    evidence = MarginalLikelihood(seen, groups, count, expected)
    samples: list[Hyperparameters] = []
    for start in starts:
        # The algorithm is for a prior of mean zero, so the chain moves relative to the centre.
        away = start.theta - centre
        value = evidence(centre + away)
        for _ in range(steps):
            away, value = _slice(evidence, centre, away, value, width, rng)
        samples.append(Hyperparameters(centre + away))
    return samples


def _slice(
    evidence: "MarginalLikelihood",
    centre: Array,
    away: Array,
    value: float,
    width: Array,
    rng: np.random.Generator,
) -> tuple[Array, float]:
    """Return the next place of a chain and its value: on an ellipse through this place."""
    # A draw from the prior spans the ellipse with the current place.
    other = width * rng.standard_normal(len(width))
    # The slice: -log u of a uniform u is exponential, and the values are negative logarithms.
    most = value + rng.exponential()
    angle = rng.uniform(0, 2 * np.pi)
    low, high = angle - 2 * np.pi, angle
    while True:
        place = away * np.cos(angle) + other * np.sin(angle)
        candidate = evidence(centre + place)
        if candidate <= most:
            return place, candidate
        # Shrink the bracket towards angle 0, the current place, which is always on the slice.
        low, high = (angle, high) if angle < 0 else (low, angle)
        angle = rng.uniform(low, high)


class MarginalLikelihood:
    """The negative log marginal likelihood of the observations, and its gradient.

    Rasmussen and Williams, 2006, equations 2.30 and 5.9. What does not depend on the
    hyperparameters is computed once.
    """

    def __init__(
        self,
        seen: Observations,
        groups: NDArray[np.int64],
        count: int,
        expected: Array | None = None,
    ) -> None:
        columns = [seen.points[:, groups == g] for g in range(count)]
        self._squares = np.stack([distances(c, c) for c in columns])
        self._near = near(seen.times, seen.times)
        self._same = self._near * (seen.trials[:, None] == seen.trials[None])
        self._line = SLOPE**2 * np.outer(seen.times, seen.times)
        self._residuals = seen.losses - seen.losses.mean()
        if expected is not None:
            self._line += TRUST_WIDTH**2 * np.outer(expected, expected)
            self._residuals = self._residuals - TRUST * expected
        self._eye = np.eye(len(seen.losses))

    def __call__(self, theta: Array) -> float:
        """Return the value alone, infinite if the covariance has no Cholesky factor."""
        try:
            factor, alpha = self._solved(theta, matern(self._r2(theta)))
        except LinAlgError:
            return np.inf
        return self._value(factor, alpha)

    def with_gradient(self, theta: Array) -> tuple[float, Array]:
        """Return the value and its derivatives by `theta`."""
        level, shape, own, noise = np.exp(2 * theta[-4:])
        weights = np.exp(-2 * theta[:-4])
        r2 = self._r2(theta)
        alike = matern(r2)
        # dL/dtheta = tr((K^-1 - alpha alpha^T) dK/dtheta) / 2, the sum of an elementwise product.
        factor, alpha = self._solved(theta, alike)
        inverse = cho_solve((factor, True), self._eye, check_finite=False)
        outer = 0.5 * (inverse - np.outer(alpha, alpha))
        mixed = level + shape * self._near
        # The derivative of the Matern correlation by a log length scale is the group's scaled
        # squared distance times 5/3 (1 + sqrt5 r) exp(-sqrt5 r).
        r = np.sqrt(r2)
        slope = outer * mixed * (5 / 3) * (1 + SQRT5 * r) * np.exp(-SQRT5 * r)
        gradient = np.concatenate(
            [
                weights * np.tensordot(self._squares, slope, axes=2),
                # The variances enter linearly, as exp(2 theta): their derivative is twice the term.
                [
                    2 * level * (outer * alike).sum(),
                    2 * shape * (outer * alike * self._near).sum(),
                    2 * own * (outer * self._same).sum(),
                    2 * noise * np.trace(outer),
                ],
            ]
        )
        return self._value(factor, alpha), gradient

    def _r2(self, theta: Array) -> Array:
        return np.tensordot(np.exp(-2 * theta[:-4]), self._squares, axes=1)

    def _solved(self, theta: Array, alike: Array) -> tuple[Array, Array]:
        """Return the covariance's lower Cholesky factor, and its inverse times the residuals."""
        level, shape, own, noise = np.exp(2 * theta[-4:])
        kernel = alike * (level + shape * self._near) + own * self._same + self._line
        kernel[np.diag_indices(len(kernel))] += noise + JITTER
        factor, _ = cho_factor(kernel, lower=True, overwrite_a=True, check_finite=False)
        return factor, cho_solve((factor, True), self._residuals, check_finite=False)

    def _value(self, factor: Array, alpha: Array) -> float:
        return float(0.5 * self._residuals @ alpha + np.log(np.diag(factor)).sum())
