"""What trainings on other data sets teach: configurations to begin with, and which to expect good.

Each data set ranks the same configurations. Their normal scores, averaged over the data sets, are
the losses that a model of the space is fitted to. Its predictions are the mean of the search's own
models, times a factor that these estimate with the rest: on data that ranks otherwise it becomes 0.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import ndtri

from automl.search.auto.curves import ranks
from automl.search.auto.features import Array, Features
from automl.search.auto.hyperparameters import tuned
from automl.search.auto.kernel import Hyperparameters
from automl.search.auto.model import CurveModel, Observations
from automl.search.base import canonical
from automl.search.seeds import rng_of
from automl.space.space import SearchSpace
from automl.trial.trial import TransferTrial

FIRST = 3
"""Configurations to begin with, beside the defaults."""
STEPS = 30
"""Steps of L-BFGS for the hyperparameters of the model."""
KEPT = 8
"""Sets of rows whose losses are kept: a choice asks for those seen, running, and on offer."""


class Transfer:
    """The trials of other data sets, as a search of a space sees them."""

    def __init__(
        self, space: SearchSpace, features: Features, trials: Sequence[TransferTrial]
    ) -> None:
        rng = rng_of(0)
        # What the trials do not have stands at its default.
        own = [space.repaired({**space.defaults(), **t.values}, rng) for t in trials]
        losses = np.array([trial.losses for trial in trials])
        scores = ndtri((ranks(losses) + 0.5) / len(trials))
        self.first = [own[n] for n in portfolio(scores, beside=_place(own, space.defaults()))]
        """The configurations that are best together, each where others are not."""
        seen = Observations(
            points=np.stack([features.of(values) for values in own]),
            times=np.ones(len(own)),
            trials=np.arange(len(own)),
            losses=scores.mean(axis=1),
        )
        start = Hyperparameters.prior(len(space.parameters))
        hyper = tuned(seen, features.groups, start, steps=STEPS)
        self._model = CurveModel(seen, features.groups, hyper)
        self._known: dict[bytes, Array] = {}

    def losses(self, points: Array) -> Array:
        """Return the expected normal scores at rows of features.

        Each model of a search asks for those of the same few sets of rows: they are kept.
        """
        key = points.tobytes()
        if key not in self._known:
            trials = np.full(len(points), -1)
            found = np.asarray(self._model.means(points, trials, np.ones(1))[0], dtype=np.float64)
            found.setflags(write=False)
            self._known[key] = found
        self._known[key] = self._known.pop(key)
        if len(self._known) > KEPT:
            del self._known[next(iter(self._known))]
        return self._known[key]


def portfolio(scores: Array, *, beside: int | None = None) -> list[int]:
    """Return rows of scores (configurations, data sets): each lowers the mean of the best most.

    The greedy choice of Feurer et al. (Auto-sklearn 2.0, 2022), beside a row that is tried anyway.
    """
    chosen: list[int] = []
    best = np.full(scores.shape[1], np.inf) if beside is None else scores[beside]
    for _ in range(min(FIRST, len(scores))):
        together = np.minimum(scores, best).mean(axis=1)
        together[chosen] = np.inf
        chosen.append(int(together.argmin()))
        best = np.minimum(best, scores[chosen[-1]])
    return chosen


def _place(values: Sequence[Mapping[str, Any]], wanted: Mapping[str, Any]) -> int | None:
    """Return the first place of a configuration; None if it is not there."""
    return next((n for n, own in enumerate(values) if canonical(own) == canonical(wanted)), None)
