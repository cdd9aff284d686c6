"""Gaussian processes over the unit cube: expected improvement, and UCB for batches."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from automl.search.base import Observation, Proposer
from automl.search.seeds import rng_of
from automl.space.space import SearchSpace
from automl.trial.pareto import Loss, better, is_finite
from automl.trial.trial import Outcome, TrialState

STARTUP_TRIALS = 5
_CANDIDATES = 2000
_NEIGHBOURS = 20
"""Candidates near each of the best points, for each step size."""
_MOST = 300
"""Most points of a fit, the best and the latest: its cost grows with the cube of their number."""

Vector = NDArray[np.float64]
Acquisition = Callable[[Vector, Vector, float, int], Vector]
"""From mean, deviation, best loss and number of points to the value to maximise."""


def expected_improvement(mean: Vector, deviation: Vector, best: float, count: int) -> Vector:
    """Return the expected improvement on the best loss (Jones et al., 1998)."""
    gain = best - 0.01 - mean
    z = gain / deviation
    return np.asarray(gain * norm.cdf(z) + deviation * norm.pdf(z))


def confidence_bound(mean: Vector, deviation: Vector, best: float, count: int) -> Vector:
    """Return the negated lower confidence bound (Srinivas et al., 2010).

    Its width falls from 2 to 0.5 deviations as points are added.
    """
    return -(mean - max(0.5, 2.0 * 0.95**count) * deviation)


class GpProposer(Proposer):
    """Fits a process to the best losses of the trials that ended; failed ones are left out.

    Inactive parameters count as the middle of their range. A running trial counts as observed at
    its predicted mean, so that the next proposal keeps away from it (the kriging believer of
    Ginsbourger et al., 2010).
    """

    def __init__(
        self,
        space: SearchSpace,
        acquisition: Acquisition,
        *,
        seed: int,
        past: Sequence[Observation] = (),
    ) -> None:
        self._space = space
        self._acquisition = acquisition
        self._seed = seed
        self._points: dict[int, Vector] = {}
        self._losses: dict[int, Loss] = {}
        self._running: set[int] = set()
        for number, seen in enumerate(past, start=1):
            self._points[-number] = self._point(seen.values)
            self._losses[-number] = seen.loss

    def suggest(self, trial: int, attempt: int = 0) -> dict[str, Any]:
        """Return a sample at first, then the candidate of the highest acquisition."""
        rng = rng_of(self._seed, trial, attempt)
        trials = [n for n in self._losses if n not in self._running and is_finite(self._losses[n])]
        if len(trials) < STARTUP_TRIALS or attempt > 2:
            return self._space.sample(rng)
        trials = _fitted_to(trials, self._losses)
        x = np.array([self._points[n] for n in trials])
        y = np.array([self._losses[n][0] for n in trials])
        scale = float(y.std()) or 1.0
        y = (y - y.mean()) / scale
        process = fitted(x, y, seed=int(rng.integers(2**31)))
        pending = [self._points[n] for n in sorted(self._running)]
        if pending:
            believed = process.predict(np.array(pending))
            x, y = np.vstack([x, pending]), np.concatenate([y, believed])
            process = _with_data(process, x, y)
        candidates = self._candidates(x[np.argsort(y)[:5]], rng)
        places = np.array([self._point(values) for values in candidates])
        mean, deviation = process.predict(places, return_std=True)
        gain = self._acquisition(mean, np.maximum(deviation, 1e-9), float(y.min()), len(trials))
        order = np.argsort(-gain, kind="stable")
        return candidates[int(order[attempt])]

    def start(self, trial: int, values: Mapping[str, Any]) -> None:
        """Record a running point."""
        self._points[trial] = self._point(values)
        self._running.add(trial)

    def report(self, trial: int, epoch: int, loss: Loss) -> None:
        """Keep a trial's best loss."""
        self._losses[trial] = better(loss, self._losses.get(trial))

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Count a trial that ended; forget one that failed."""
        if outcome.state is not TrialState.PAUSED:
            self._running.discard(trial)
        if outcome.state is TrialState.FAILED:
            self._losses.pop(trial, None)

    def _point(self, values: Mapping[str, Any]) -> Vector:
        return np.nan_to_num(self._space.encode(values), nan=0.5)

    def _candidates(self, best: Vector, rng: np.random.Generator) -> list[dict[str, Any]]:
        anywhere = [self._space.sample(rng) for _ in range(_CANDIDATES // 4)]
        near = [
            self._space.mutate(self._space.decode(point), rng, scale=scale, share=0.3)
            for point in best
            for scale in (0.02, 0.1, 0.3)
            for _ in range(_NEIGHBOURS)
        ]
        return anywhere + near


def fitted(x: Vector, y: Vector, *, seed: int) -> GaussianProcessRegressor:
    """Return a Matern 5/2 process with a length scale for each dimension, fitted to data."""
    kernel = ConstantKernel(1.0, (0.05, 20.0)) * Matern(
        np.full(x.shape[1], 0.5), (0.05, 10.0), nu=2.5
    ) + WhiteKernel(1e-3, (1e-6, 0.5))
    process = GaussianProcessRegressor(kernel, random_state=seed)
    with warnings.catch_warnings():
        # A length scale at its bound means that its parameter has no effect: nothing to warn of.
        warnings.simplefilter("ignore", category=ConvergenceWarning)
        return process.fit(x, y)


def _with_data(process: GaussianProcessRegressor, x: Vector, y: Vector) -> GaussianProcessRegressor:
    return GaussianProcessRegressor(process.kernel_, optimizer=None).fit(x, y)


def _fitted_to(trials: list[int], losses: Mapping[int, Loss]) -> list[int]:
    """Return the trials that a process is fitted to: all, or the best and the latest."""
    if len(trials) <= _MOST:
        return trials
    best = sorted(trials, key=lambda n: losses[n])[: _MOST // 2]
    return sorted({*best, *trials[-_MOST // 2 :]})
