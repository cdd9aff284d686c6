"""New configurations for `auto` to choose from: anywhere, near the best, near the defaults."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist, pdist

from automl.search.auto.curves import Curve
from automl.search.auto.features import Array, Features
from automl.search.base import canonical
from automl.search.seeds import rng_of
from automl.space.space import SearchSpace

WIDE = 200
NEAR = 200
SCALES = (0.03, 0.1, 0.2)
"""Of the steps from a parent, in parts of a range."""
SHARES = (0.3, 1.0)
PARENTS = 6
KEPT_STARTS = 8
"""Trials started before the draws from anywhere are made anew."""
OPENING = 8
"""Trials that are drawn without a model, the defaults first: with 6 regret at 200 epochs was .04
higher."""
OPENINGS = 50
"""Openings drawn, of which the one is taken whose nearest two trials are farthest apart."""


class Candidates:
    """Draws candidates; the same numbers give the same ones."""

    def __init__(self, space: SearchSpace, features: Features, *, seed: int) -> None:
        self._space = space
        self._features = features
        self._seed = seed
        self._wide: tuple[int, list[dict[str, Any]], Array] | None = None

    def opening(self, trial: int) -> dict[str, Any]:
        """Return a draw for one of the trials after the first, which is the defaults."""
        return self._space.sample(rng_of(self._seed, trial), self._opening[trial - 1])

    @cached_property
    def _opening(self) -> Array:
        """A Latin hypercube (McKay et al., 1979) of places: (trials, parameters)."""
        shape = (OPENING - 1, len(self._space.parameters))
        rng = rng_of(self._seed)
        cells = np.tile(np.arange(shape[0])[:, None], shape[1])
        drawn = [
            (rng.permuted(cells, axis=0) + rng.random(shape)) / shape[0] for _ in range(OPENINGS)
        ]
        return max(drawn, key=lambda places: float(pdist(places).min()))

    def anywhere(self, seen: set[str], *salt: int) -> dict[str, Any] | None:
        """Return values that no trial had, from anywhere; None where the space is used up."""
        rng = rng_of(self._seed, *salt)
        for _ in range(200):
            values = self._space.sample(rng)
            if canonical(values) not in seen:
                return values
        return None

    def choice(self, parents: Sequence[Curve], *salt: int) -> tuple[list[dict[str, Any]], Array]:
        """Return configurations, also such as were tried before, and their features."""
        block = salt[0] // KEPT_STARTS
        if self._wide is None or self._wide[0] != block:
            rng = rng_of(self._seed, block, 1)
            drawn = [self._space.sample(rng) for _ in range(WIDE)]
            self._wide = (block, drawn, np.stack([self._features.of(v) for v in drawn]))
        rng = rng_of(self._seed, *salt)
        near = [
            self._space.mutate(
                parents[int(rng.integers(len(parents)))].values,
                rng,
                scale=SCALES[rng.integers(len(SCALES))],
                share=SHARES[rng.integers(len(SHARES))],
            )
            for _ in range(NEAR if parents else 0)
        ]
        values = [*self._wide[1], *near]
        rows = np.concatenate([self._wide[2], *(self._features.of(v)[None] for v in near)])
        return values, rows


def away_from_twins(
    values: list[dict[str, Any]], rows: Array, known: Array, *, distances: Sequence[float]
) -> tuple[list[dict[str, Any]], Array]:
    """Leave out what is as near to a known trial as repeats were, but keep the farther third."""
    nearest = cdist(rows, known).min(axis=1)
    reach = min(float(np.median(distances)), float(np.quantile(nearest, 2 / 3)))
    kept = np.flatnonzero(nearest >= reach)
    return [values[i] for i in kept], rows[kept]
