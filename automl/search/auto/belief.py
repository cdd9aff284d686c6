"""What `auto` believes: models of the learning curves, each as probable as the others.

A few losses agree with many sets of hyperparameters, so four of these are sampled, and what a
choice asks is asked of each (Snoek et al., 2012, 3.2). Once many losses are seen the most probable
set stands for all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from automl.search.auto.hyperparameters import sampled, tuned
from automl.search.auto.kernel import Array, Hyperparameters
from automl.search.auto.model import CurveModel, Observations
from automl.search.seeds import rng_of

SAMPLES = 4
FIRST_STEPS, STEPS = 10, 4
"""Of each chain, when it begins and whenever more trials have reported."""
MAX_SAMPLED = 150
"""Observations up to which there are samples: the time of each grows with the cube."""
TUNE_STEPS = 10


@dataclass(frozen=True)
class Running:
    """The trials that train, with the time up to which each does; one row each."""

    rows: Array
    trials: NDArray[np.int64]
    times: Array


class Belief:
    """The hyperparameters, and the models that they make of what was seen."""

    def __init__(self, groups: NDArray[np.int64], *, parameters: int, seed: int) -> None:
        self._groups = groups
        self._seed = seed
        self._hypers = [Hyperparameters.prior(parameters)]
        self.foresight = 1.0
        """Correlation of trials' last losses with predictions made without them."""

    def tune(self, seen: Observations, *, trials: int) -> None:
        """Let the hyperparameters follow what was seen of so many trials."""
        if len(seen.losses) <= MAX_SAMPLED:
            is_new = len(self._hypers) == 1
            starts = self._hypers * SAMPLES if is_new else self._hypers
            steps = FIRST_STEPS if is_new else STEPS
            rng = rng_of(self._seed, trials, 1, 1)
            self._hypers = sampled(seen, self._groups, starts, rng, steps=steps)
        else:
            middle = Hyperparameters(np.mean([h.theta for h in self._hypers], axis=0))
            self._hypers = [tuned(seen, self._groups, middle, steps=TUNE_STEPS)]
        self.foresight = float(np.mean([model.foresight() for model in self.models(seen)]))

    def models(self, seen: Observations, running: Running | None = None) -> Sequence[CurveModel]:
        """Return a model per set of hyperparameters.

        Each is told that running trials reach what it expects of them, so that no two slots do
        the same.
        """
        models = [CurveModel(seen, self._groups, hyper) for hyper in self._hypers]
        if running is None:
            return models
        rows, trials, times = running.rows, running.trials, running.times
        reached = [np.diagonal(m.means(rows, trials, times)) for m in models]
        return [
            CurveModel(seen.with_more(rows, times, trials, losses), self._groups, hyper)
            for hyper, losses in zip(self._hypers, reached, strict=True)
        ]
