"""The models of the learning curves that `auto` averages over, each equally probable.

Few losses agree with many sets of hyperparameters. So four sets are sampled, and each choice
averages over their models (Snoek et al., 2012, 3.2). Once there are many losses, the most probable
set stands for all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from automl.search.auto.hyperparameters import sampled, tuned
from automl.search.auto.kernel import Array, Hyperparameters
from automl.search.auto.model import CurveModel, Expected, Observations
from automl.search.seeds import rng_of

SAMPLES = 4
"""Sets of hyperparameters, and so models."""
FIRST_STEPS, STEPS = 10, 4
"""Steps of each chain, at its start and whenever more trials have reported."""
MAX_SAMPLED = 150
"""Observations up to which sets are sampled: a step's time grows with the cube of their number."""
TUNE_STEPS = 10
"""Steps of L-BFGS at each tuning beyond that."""


@dataclass(frozen=True)
class Running:
    """The running trials and the time up to which each trains; one row each."""

    rows: Array
    trials: NDArray[np.int64]
    times: Array


class Belief:
    """The sets of hyperparameters, and the models that they make of the observations."""

    def __init__(
        self,
        groups: NDArray[np.int64],
        *,
        parameters: int,
        seed: int,
        expected: Expected | None = None,
    ) -> None:
        self._groups = groups
        self._expected = expected
        self._seed = seed
        self._hypers = [Hyperparameters.prior(parameters)]
        self.foresight = 1.0
        """Correlation of trials' last losses with predictions made without them, 1 at first."""

    def tune(self, seen: Observations, *, trials: int) -> None:
        """Update the hyperparameters; the seed depends on the number of trials that reported."""
        expected = None if self._expected is None else self._expected(seen.points)
        if len(seen.losses) <= MAX_SAMPLED:
            # From one set, the prior's centre or a mode, all chains begin in the same place and
            # need more steps to part.
            is_new = len(self._hypers) == 1
            starts = self._hypers * SAMPLES if is_new else self._hypers
            steps = FIRST_STEPS if is_new else STEPS
            rng = rng_of(self._seed, trials, 1, 1)
            self._hypers = sampled(seen, self._groups, starts, rng, steps=steps, expected=expected)
        else:
            # With many losses the posterior is narrow: its mode, sought from the samples' mean.
            middle = Hyperparameters(np.mean([h.theta for h in self._hypers], axis=0))
            self._hypers = [tuned(seen, self._groups, middle, steps=TUNE_STEPS, expected=expected)]
        self.foresight = float(np.mean([model.foresight() for model in self.models(seen)]))

    def models(self, seen: Observations, running: Running | None = None) -> Sequence[CurveModel]:
        """Return a model per set of hyperparameters.

        Each assumes that a running trial reaches the loss that it predicts at its target (the
        kriging believer of Ginsbourger et al., 2010), so that no two slots do the same.
        """
        models = [self._model(seen, hyper) for hyper in self._hypers]
        if running is None:
            return models
        rows, trials, times = running.rows, running.trials, running.times
        reached = [np.diagonal(m.means(rows, trials, times)) for m in models]
        return [
            self._model(seen.with_more(rows, times, trials, losses), hyper)
            for hyper, losses in zip(self._hypers, reached, strict=True)
        ]

    def _model(self, seen: Observations, hyper: Hyperparameters) -> CurveModel:
        return CurveModel(seen, self._groups, hyper, self._expected)
