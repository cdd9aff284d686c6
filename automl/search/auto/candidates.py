"""Draws the new configurations that `auto` chooses from: anywhere, and near the best trials."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist, pdist

from automl.search.auto.curves import Curve
from automl.search.auto.features import Array, Features
from automl.search.seeds import rng_of
from automl.space.space import SearchSpace

WIDE = 200
"""Candidates from anywhere in the space."""
NEAR = 200
"""Candidates near a parent."""
SCALES = (0.03, 0.1, 0.2)
"""Step sizes from a parent, in parts of a range: refining and exploring ones."""
SHARES = (0.3, 1.0)
"""Shares of the parameters that a step changes."""
KEPT_STARTS = 8
"""Starts after which the candidates from anywhere are drawn anew: encoding them takes time."""
OPENING = 8
"""First trials, drawn without a model, the defaults among them: with 6 the regret at 200 epochs was
.04 higher."""
DRAWN_EVERY = 20
"""One in this many new trials is drawn from anywhere without the models."""
OPENINGS = 50
"""Latin hypercubes drawn; the one whose two nearest trials are farthest apart is used."""


class Candidates:
    """Draws candidates; equal seeds and salts give equal ones."""

    def __init__(self, space: SearchSpace, features: Features, *, seed: int) -> None:
        self._space = space
        self._features = features
        self._seed = seed
        self._wide: tuple[int, list[dict[str, Any]], Array] | None = None

    def opening(self, trial: int) -> dict[str, Any]:
        """Return the values of an opening trial after the first, which has the defaults."""
        return self._space.sample(rng_of(self._seed, trial), self._opening[trial - 1])

    @cached_property
    def _opening(self) -> Array:
        """A maximin Latin hypercube (McKay et al., 1979; Johnson et al., 1990) of places.

        Its shape is (trials, parameters): each column visits every cell of its range once.
        """
        shape = (OPENING - 1, len(self._space.parameters))
        rng = rng_of(self._seed)
        cells = np.tile(np.arange(shape[0])[:, None], shape[1])
        designs = [
            (rng.permuted(cells, axis=0) + rng.random(shape)) / shape[0] for _ in range(OPENINGS)
        ]
        return max(designs, key=lambda places: float(pdist(places).min()))

    def anywhere(
        self, is_new: Callable[[Mapping[str, Any]], bool], *salt: int
    ) -> dict[str, Any] | None:
        """Return values from anywhere that no trial had; None if the space is used up."""
        rng = rng_of(self._seed, *salt)
        for _ in range(200):
            values = self._space.sample(rng)
            if is_new(values):
                return values
        return None

    def choice(self, parents: Sequence[Curve], *salt: int) -> tuple[list[dict[str, Any]], Array]:
        """Return candidates and their features; some may have been tried before."""
        # Candidates from anywhere stay for a block of starts; those near parents are new each time.
        block = salt[0] // KEPT_STARTS
        if self._wide is None or self._wide[0] != block:
            rng = rng_of(self._seed, block, 1)
            samples = [self._space.sample(rng) for _ in range(WIDE)]
            self._wide = (block, samples, np.stack([self._features.of(v) for v in samples]))
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
    values: list[dict[str, Any]], rows: Array, tried: Array, *, distances: Sequence[float]
) -> tuple[list[dict[str, Any]], Array]:
    """Drop candidates as near to a tried configuration as repeats were; keep the farther third.

    Trials that near to another repeated its curve: more of them would tell nothing new.
    """
    nearest = cdist(rows, tried).min(axis=1)
    reach = min(float(np.median(distances)), float(np.quantile(nearest, 2 / 3)))
    kept = np.flatnonzero(nearest >= reach)
    return [values[i] for i in kept], rows[kept]
