"""Decides whether a search should end because little improvement is expected."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from automl.search.improvement import expected_excess
from automl.search.seeds import rng_of
from automl.space.space import SearchSpace
from automl.trial.pareto import Loss, better, is_finite
from automl.trial.trial import Outcome, TrialState

_ENOUGH = 20
"""Trials with a value before the search may end; twice the parameters if that is more."""
_PATIENCE = 10
"""The search does not end while the best is among this many latest trials."""
_SMALL = 0.01
"""An improvement is little below this share of the distance from the best to the median trial."""
_NEAR = 0.1
"""Losses are alike within this share of that distance."""
_CANDIDATES = 300
"""Configurations whose improvement is predicted: as many random ones, and near the best."""


class ImprovementTerminator:
    """Ends a search if a random forest expects little improvement anywhere.

    The forest is fitted to the best losses of the trials that ended, and the spread of its trees
    is the uncertainty of a prediction (as in SMAC: Hutter et al., 2011). A search never ends
    before a trial was trained in full, nor while the best is among the last ten trials, nor while
    most trials were stopped early on a plateau: they do not tell what they would have reached.
    """

    def __init__(self, space: SearchSpace, epochs: int, *, seed: int) -> None:
        self._space = space
        self._epochs = epochs
        self._seed = seed
        self._values: dict[int, Mapping[str, Any]] = {}
        self._losses: dict[int, Loss] = {}
        self._trained: dict[int, int] = {}
        """Epochs of each trial."""
        self._ended: list[int] = []
        self._has_full = False
        self._answer: tuple[int, bool] = (0, False)

    def start(self, trial: int, values: Mapping[str, Any]) -> None:
        """Record a trial's values."""
        self._values[trial] = values

    def report(self, trial: int, epoch: int, loss: Loss) -> None:
        """Keep a trial's best loss."""
        self._losses[trial] = better(loss, self._losses.get(trial))
        self._trained[trial] = epoch
        self._has_full = self._has_full or (epoch >= self._epochs and is_finite(loss))

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Count a trial that ended or paused with a value."""
        if outcome.state is TrialState.FAILED:
            self._losses.pop(trial, None)
        elif trial not in self._ended and is_finite(self._losses.get(trial, (np.nan,))):
            self._ended.append(trial)

    def is_over(self) -> bool:
        """Return whether no new trial should start."""
        trials = [t for t in self._ended if t in self._losses]
        enough = max(_ENOUGH, 2 * len(self._space.parameters))
        if not self._has_full or len(trials) < enough or not self._space.parameters:
            return False
        # A forest is fitted once for each number of trials: the question comes at every move.
        if self._answer[0] != len(trials):
            self._answer = (len(trials), self._is_flat(trials))
        return self._answer[1]

    def _is_flat(self, trials: list[int]) -> bool:
        losses = np.array([self._losses[t][0] for t in trials])
        if int(np.argmin(losses)) >= len(trials) - _PATIENCE:
            return False
        best, spread = losses.min(), float(np.median(losses) - losses.min())
        is_short = np.array([self._trained[t] for t in trials]) < self._epochs / 2
        is_alike = np.abs(losses - np.median(losses)) <= _NEAR * spread
        if (is_short & is_alike).mean() > 0.5:
            return False
        if spread <= 0:
            return True
        # Loads half a second of libraries: a search of few trials needs no forest.
        from sklearn.ensemble import RandomForestRegressor

        rng = rng_of(self._seed, len(trials))
        forest = RandomForestRegressor(50, min_samples_leaf=2, random_state=0, n_jobs=1)
        forest.fit(np.array([self._point(self._values[t]) for t in trials]), losses)
        incumbent = self._values[trials[int(np.argmin(losses))]]
        candidates = [self._space.sample(rng) for _ in range(_CANDIDATES)]
        candidates += [
            self._space.mutate(incumbent, rng, scale=0.1, share=0.3) for _ in range(_CANDIDATES)
        ]
        points = np.array([self._point(values) for values in candidates])
        trees = np.array([tree.predict(points) for tree in forest.estimators_])
        mean, deviation = trees.mean(axis=0), np.maximum(trees.std(axis=0), 1e-12)
        # Expected improvement (Jones et al., 1998), against a share of what separates the trials.
        expected = expected_excess(best - mean, deviation)
        return bool(expected.max() < _SMALL * spread)

    def _point(self, values: Mapping[str, Any]) -> Any:
        return np.nan_to_num(self._space.encode(values), nan=-1.0)
