"""Ends a search of which little improvement is to be expected any more."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import norm
from sklearn.ensemble import RandomForestRegressor

from automl.search.seeds import rng_of
from automl.space.space import SearchSpace
from automl.trial.pareto import Loss, better, is_finite
from automl.trial.trial import Outcome, TrialState

_ENOUGH = 20
"""Trials with a value before the rule says anything; twice the parameters where that is more."""
_PATIENCE = 10
"""Trials since the best one."""
_SMALL = 0.01
"""Of the distance between the best and the median trial: an improvement that is little."""
_CANDIDATES = 300


class ImprovementTerminator:
    """Says whether the best improvement that a random forest expects anywhere is little.

    The forest is fitted to the best losses of the trials that ended. The rule says nothing before
    a trial was trained in full, nor while the last ten trials hold the best one.
    """

    def __init__(self, space: SearchSpace, epochs: int, *, seed: int) -> None:
        self._space = space
        self._epochs = epochs
        self._seed = seed
        self._values: dict[int, Mapping[str, Any]] = {}
        self._losses: dict[int, Loss] = {}
        self._ended: list[int] = []
        self._has_full = False
        self._answer: tuple[int, bool] = (0, False)

    def start(self, trial: int, values: Mapping[str, Any]) -> None:
        """Take note of a trial."""
        self._values[trial] = values

    def report(self, trial: int, epoch: int, loss: Loss) -> None:
        """Keep a trial's best loss."""
        self._losses[trial] = better(loss, self._losses.get(trial))
        self._has_full = self._has_full or (epoch >= self._epochs and is_finite(loss))

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Count a trial that ended or paused with a value."""
        if outcome.state is TrialState.FAILED:
            self._losses.pop(trial, None)
        elif trial not in self._ended and is_finite(self._losses.get(trial, (np.nan,))):
            self._ended.append(trial)

    def is_over(self) -> bool:
        """Return whether new trials are hardly worth it."""
        known = [t for t in self._ended if t in self._losses]
        enough = max(_ENOUGH, 2 * len(self._space.parameters))
        if not self._has_full or len(known) < enough or not self._space.parameters:
            return False
        if self._answer[0] != len(known):
            self._answer = (len(known), self._is_flat(known))
        return self._answer[1]

    def _is_flat(self, known: list[int]) -> bool:
        losses = np.array([self._losses[t][0] for t in known])
        if int(np.argmin(losses)) >= len(known) - _PATIENCE:
            return False
        best, spread = losses.min(), float(np.median(losses) - losses.min())
        if spread <= 0:
            return True
        rng = rng_of(self._seed, len(known))
        forest = RandomForestRegressor(50, min_samples_leaf=2, random_state=0, n_jobs=1)
        forest.fit(np.array([self._point(self._values[t]) for t in known]), losses)
        incumbent = self._values[known[int(np.argmin(losses))]]
        candidates = [self._space.sample(rng) for _ in range(_CANDIDATES)]
        candidates += [
            self._space.mutate(incumbent, rng, scale=0.1, share=0.3) for _ in range(_CANDIDATES)
        ]
        points = np.array([self._point(values) for values in candidates])
        trees = np.array([tree.predict(points) for tree in forest.estimators_])
        mean, deviation = trees.mean(axis=0), np.maximum(trees.std(axis=0), 1e-12)
        z = (best - mean) / deviation
        expected = (best - mean) * norm.cdf(z) + deviation * norm.pdf(z)
        return bool(expected.max() < _SMALL * spread)

    def _point(self, values: Mapping[str, Any]) -> Any:
        return np.nan_to_num(self._space.encode(values), nan=-1.0)
