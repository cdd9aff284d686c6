"""Grid search: combinations of evenly spaced values, in random order."""

import math
from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

from automl.search.base import Proposer, canonical
from automl.search.seeds import rng_of
from automl.space.domain import Choices
from automl.space.space import Parameter, SearchSpace
from automl.trial.pareto import Loss
from automl.trial.trial import Outcome

_LISTED = 50_000
"""Most combinations of a grid that is listed; from a larger one, points are sampled."""


class GridProposer(Proposer):
    """Combines every choice and `points` places along each range; each combination comes once."""

    def __init__(self, space: SearchSpace, *, points: int, seed: int) -> None:
        self._space = space
        self._seed = seed
        self._axes = [_places(p, points) for p in space.parameters.values()]
        self._order: list[dict[str, Any]] | None = None
        if math.prod(map(len, self._axes)) <= _LISTED:
            self._order = self._combinations()
        self._started: set[str] = set()

    def suggest(self, trial: int, attempt: int = 0) -> dict[str, Any] | None:
        """Return the next combination, None after the last."""
        if self._order is not None:
            return next((v for v in self._order if canonical(v) not in self._started), None)
        rng = rng_of(self._seed, trial, attempt)
        return self._space.decode(np.array([rng.choice(axis) for axis in self._axes]))

    def start(self, trial: int, values: Mapping[str, Any]) -> None:
        """Record a combination as used."""
        self._started.add(canonical(values))

    def report(self, trial: int, epoch: int, loss: Loss) -> None:
        """Nothing is kept."""

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Nothing is kept."""

    def _combinations(self) -> list[dict[str, Any]]:
        """Return the distinct combinations, shuffled; inactive parameters make no difference."""
        points = [self._space.decode(np.array(point)) for point in product(*self._axes)]
        distinct = list({canonical(values): values for values in points}.values())
        return [distinct[i] for i in rng_of(self._seed).permutation(len(distinct))]


def _places(parameter: Parameter, points: int) -> list[float]:
    domain = parameter.domain
    if isinstance(domain, Choices):
        return [domain.position_of(value) for value in domain.values]
    count = points if domain.size == math.inf else int(min(points, domain.size))
    return [0.5] if count == 1 else [i / (count - 1) for i in range(count)]
