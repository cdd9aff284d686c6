"""What an epoch of a configuration costs: measured where it trained, else learned over the space.

Causes of a cost multiply: an encoder is twice as slow at any image size. So the logarithm of the
seconds is modelled, as a plane over the features (a ridge regression) and a smooth rest (a Gaussian
process). How much of either there is, the evidence says; costs that differ by the machine's jitter
alone are predicted equal.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from statistics import median

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from automl.search.auto.kernel import Array, distances, matern

MIN_TRIALS = 5
"""Trials with measured seconds before anything is learned from them."""
RELEARN = 1.15
"""The model is fitted again whenever the measured trials have grown by this factor."""
MOST = 100
"""Trials that the model is fitted to, the last ones."""
LENGTH = 0.8
"""Length scale of the rest, times the root of the number of features."""
PLANES, RESTS = (0.0, 0.3, 1.0, 3.0), (0.0, 0.1, 0.3, 1.0)
NOISES = (0.03, 0.1, 0.3, 0.6)
"""Variances that are tried, in parts of the variance of the logarithms."""
WORTH = 2.0
"""Evidence, as a logarithm, by which differences must be likelier than none."""
LEAST_S = 1e-6
"""Floor of a measured time: its logarithm stays finite."""
LEAST_PART = 0.1
"""Part of a first epoch's time that was not the start, at least."""


class Costs:
    """Seconds of epochs and starts, by trial."""

    def __init__(self) -> None:
        self._first: dict[int, list[float]] = {}
        self._later: dict[int, list[float]] = {}
        self._start_s: float | None = None
        self._seconds: dict[int, float] | None = None
        self._model: _Regression | None = None
        self._learned_of = 0
        self.left_s = math.inf
        """Seconds that a worker has left; infinite without a limit."""

    def took(self, trial: int, seconds: float, *, is_first: bool) -> None:
        """Record what an epoch took; the first one after a start includes that."""
        times = self._first if is_first else self._later
        times.setdefault(trial, []).append(max(seconds, LEAST_S))
        self._start_s = self._seconds = None

    @property
    def is_known(self) -> bool:
        """Whether any epoch was timed."""
        return bool(self._first or self._later)

    @property
    def differ(self) -> bool:
        """Whether configurations are expected to cost different times."""
        return self._model is not None and self._model.plane + self._model.rest > 0

    @property
    def start_s(self) -> float:
        """Seconds of starting or resuming a trial, beyond its first epoch: the median."""
        if self._start_s is None:
            extra = [
                first - median(self._later[trial])
                for trial, firsts in self._first.items()
                if trial in self._later
                for first in firsts
            ]
            self._start_s = max(0.0, median(extra)) if extra else 0.0
        return self._start_s

    @property
    def typical_s(self) -> float:
        """Seconds of an epoch of a typical trial: the geometric mean."""
        return float(np.exp(np.mean(np.log(list(self._measured().values())))))

    def learn(self, rows: Mapping[int, Array]) -> None:
        """Fit the model to the measured trials among these features, if there are enough new ones.

        It happens where the searcher records something, never where it is asked: asking must
        change nothing.
        """
        measured = {n: s for n, s in self._measured().items() if n in rows}
        if len(measured) < max(MIN_TRIALS, RELEARN * self._learned_of):
            return
        self._learned_of = len(measured)
        last = sorted(measured)[-MOST:]
        seconds = np.log([measured[n] for n in last])
        self._model = _Regression.fitted(np.stack([rows[n] for n in last]), seconds)

    def epoch_s(self, rows: Array, trials: NDArray[np.int64]) -> Array:
        """Return the seconds of an epoch for rows of features, -1 the number of a new trial."""
        if self._model is None:
            seconds = np.full(len(rows), self.typical_s)
        else:
            seconds = np.exp(self._model.mean(rows))
        measured = self._measured()
        for place, trial in enumerate(trials.tolist()):
            if trial in measured:
                # What the model expects counts as one more epoch: a single one may be an accident.
                count = max(1, len(self._later.get(trial, ())))
                logs = np.log(seconds[place]) + count * np.log(measured[trial])
                seconds[place] = np.exp(logs / (count + 1))
        return seconds

    def _measured(self) -> dict[int, float]:
        """Return the median seconds of an epoch of each trial that reported one."""
        if self._seconds is None:
            seconds = {trial: median(times) for trial, times in self._later.items()}
            for trial, firsts in self._first.items():
                # Of one epoch it is unknown how much was the start; it was not all of it.
                whole = median(firsts)
                seconds.setdefault(trial, max(whole - self.start_s, LEAST_PART * whole))
            self._seconds = seconds
        return self._seconds


@dataclass(frozen=True)
class _Regression:
    """Values over rows of features: their mean, and what differs from it."""

    points: Array
    centre: float
    plane: float
    rest: float
    weights: Array

    @staticmethod
    def fitted(points: Array, values: Array) -> "_Regression":
        """Return the most probable of the variances, all values equal unless that is unlikely."""
        centre, scale = float(values.mean()), max(float(values.std()), 1e-9)
        residuals = (values - centre) / scale
        equal = _Regression(points, centre, 0.0, 0.0, np.zeros(len(points)))
        best, chosen = _evidence(np.eye(len(points)), residuals)[0] + WORTH, equal
        planes, rests = _plane(points, points), _rest(points, points)
        for plane, rest, noise in product(PLANES, RESTS, NOISES):
            covariance = plane * planes + rest * rests + noise * np.eye(len(points))
            evidence, weights = _evidence(covariance, residuals)
            if plane + rest > 0 and evidence > best:
                best = evidence
                chosen = _Regression(points, centre, plane, rest, scale * weights)
        return chosen

    def mean(self, rows: Array) -> Array:
        """Return the expected values of rows of features."""
        covariance = self.plane * _plane(rows, self.points) + self.rest * _rest(rows, self.points)
        return np.asarray(self.centre + covariance @ self.weights, dtype=np.float64)


def _plane(a: Array, b: Array) -> Array:
    return np.asarray((a - 0.5) @ (b - 0.5).T, dtype=np.float64)


def _rest(a: Array, b: Array) -> Array:
    length = LENGTH * max(a.shape[1], 1) ** 0.5
    return matern(distances(a / length, b / length))


def _evidence(covariance: Array, values: Array) -> tuple[float, Array]:
    """Return the log marginal likelihood, up to a constant, and the weights of a prediction."""
    factor, is_lower = cho_factor(covariance, lower=True)
    weights = np.asarray(cho_solve((factor, is_lower), values), dtype=np.float64)
    return float(-0.5 * values @ weights - np.log(np.diag(factor)).sum()), weights
