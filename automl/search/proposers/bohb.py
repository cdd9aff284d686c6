"""BOHB's model (Falkner et al., ICML 2018): densities of the good and the bad at one fidelity."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import truncnorm

from automl.search.base import Observation, Proposer
from automl.search.seeds import rng_of
from automl.space.domain import Choices
from automl.space.space import SearchSpace
from automl.trial.pareto import Loss, is_finite, ranked
from automl.trial.trial import Outcome, TrialState

_RANDOM_SHARE = 1 / 3
"""Share of suggestions sampled from the space, as in the paper, in case the model misleads."""
_WIDER = 3.0
"""Bandwidth of the kernels that candidates are sampled from, relative to the density's: the paper's
factor, which explores around the good points."""
_NARROWEST = 0.05
"""Least bandwidth: points that agree in a parameter must not freeze it."""

Matrix = NDArray[np.float64]


class BohbProposer(Proposer):
    """Samples where good trials are dense and bad ones are not.

    The densities are of the losses at the highest epoch that enough trials have reached. Two
    thirds of the suggestions come from them, the rest from the space. Inactive parameters are
    filled in from the other points of their group, as in the paper.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        samples: int = 64,
        top_percent: float = 15.0,
        min_points: int = 10,
        min_good: int = 5,
        seed: int,
        past: Sequence[Observation] = (),
    ) -> None:
        self._space = space
        self._samples = samples
        self._share = top_percent / 100
        self._min_points = min_points
        self._min_good = min_good
        self._seed = seed
        self._points: dict[int, Matrix] = {}
        self._losses: dict[int, dict[int, Loss]] = {}
        self._is_choice = np.array([bool(p.choices) for p in space.parameters.values()])
        for number, seen in enumerate(past, start=1):
            self._points[-number] = space.encode(seen.values)
            self._losses[-number] = {0: seen.loss}

    def suggest(self, trial: int, attempt: int = 0) -> dict[str, Any]:
        """Return the best candidate near the good trials, or a sample of the space."""
        rng = rng_of(self._seed, trial, attempt)
        groups = self._groups(rng)
        if groups is None or rng.random() < _RANDOM_SHARE:
            return self._space.sample(rng)
        good, bad = groups
        widths = np.maximum(_bandwidths(good), _NARROWEST)
        candidates = self._candidates(good, widths * _WIDER, rng)
        # TPE's criterion (Bergstra et al., 2011): the ratio of densities, here of their logarithms.
        gain = self._density(candidates, good, widths) - self._density(
            candidates, bad, np.maximum(_bandwidths(bad), _NARROWEST)
        )
        return self._space.decode(candidates[int(np.argmax(gain))])

    def start(self, trial: int, values: Mapping[str, Any]) -> None:
        """Record a trial's point."""
        self._points[trial] = self._space.encode(values)
        self._losses[trial] = {}

    def report(self, trial: int, epoch: int, loss: Loss) -> None:
        """Record the loss of each epoch: the model uses a single one."""
        if is_finite(loss):
            self._losses[trial][epoch] = loss

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Forget a trial that failed."""
        if outcome.state is TrialState.FAILED:
            self._losses[trial] = {}

    def _groups(self, rng: np.random.Generator) -> tuple[Matrix, Matrix] | None:
        """Return the good and the bad points; None while there are too few."""
        level = self._level()
        if level is None:
            return None
        order = ranked({t: losses[level] for t, losses in self._losses.items() if level in losses})
        count = max(self._min_good, math.ceil(len(order) * self._share))
        if len(order) - count < 2:
            return None
        points = np.array([self._points[t] for t in order])
        return _filled(points[:count], rng), _filled(points[count:], rng)

    def _level(self) -> int | None:
        counts: dict[int, int] = {}
        for losses in self._losses.values():
            for epoch in losses:
                counts[epoch] = counts.get(epoch, 0) + 1
        return max((e for e, n in counts.items() if n >= self._min_points), default=None)

    def _candidates(self, good: Matrix, widths: Matrix, rng: np.random.Generator) -> Matrix:
        centres = good[rng.integers(len(good), size=self._samples)]
        numbers = truncnorm.rvs(
            -centres / widths,
            (1 - centres) / widths,
            loc=centres,
            scale=widths,
            random_state=rng,
        )
        # A choice keeps its value or is sampled anew, with its bandwidth as the probability
        # (the kernel of Aitchison and Aitken, 1976).
        anew = rng.random(centres.shape) < np.minimum(widths, 0.9)
        choices = np.where(anew, rng.random(centres.shape), centres)
        return np.asarray(np.where(self._is_choice, choices, numbers))

    def _density(self, at: Matrix, points: Matrix, widths: Matrix) -> Matrix:
        """Return the log of the product-kernel density of points."""
        distance = (at[:, None, :] - points[None, :, :]) / widths
        numeric = -0.5 * distance**2 - np.log(widths)
        same = self._cells(at)[:, None, :] == self._cells(points)[None, :, :]
        share = np.minimum(widths, 0.9)
        nominal = np.where(same, np.log(1 - share), np.log(share))
        logs = np.where(self._is_choice, nominal, numeric).sum(axis=2)
        return np.asarray(np.logaddexp.reduce(logs, axis=1) - math.log(len(points)))

    def _cells(self, points: Matrix) -> Matrix:
        cells = np.zeros(points.shape)
        for axis, parameter in enumerate(self._space.parameters.values()):
            domain = parameter.domain
            if isinstance(domain, Choices):
                cells[:, axis] = [domain.index_at(place) for place in points[:, axis]]
        return cells


def _bandwidths(points: Matrix) -> Matrix:
    """Return Scott's rule for each axis."""
    count, dimensions = points.shape
    return np.asarray(points.std(axis=0) * count ** (-1 / (dimensions + 4)))


def _filled(points: Matrix, rng: np.random.Generator) -> Matrix:
    filled = points.copy()
    for axis in range(points.shape[1]):
        missing = np.isnan(points[:, axis])
        active = points[~missing, axis]
        size = int(missing.sum())
        filled[missing, axis] = rng.choice(active, size) if len(active) else rng.random(size)
    return filled
