"""Draws values by the weights and scales of the space, and the seeds that make draws repeatable."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from automl.search.base import Proposer
from automl.space.space import SearchSpace
from automl.trial.pareto import Loss
from automl.trial.trial import Outcome


def seed_of(*parts: int) -> int:
    """Return a seed of 32 bits for a search's seed and the numbers of trial and attempt."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:4], "big")


def rng_of(*parts: int) -> np.random.Generator:
    """Return the generator of a search's seed and the numbers of trial and attempt."""
    return np.random.default_rng(seed_of(*parts))


class RandomProposer(Proposer):
    """Each trial is a draw of its own, whatever the others gave."""

    def __init__(self, space: SearchSpace, *, seed: int) -> None:
        self._space = space
        self._seed = seed

    def suggest(self, trial: int, attempt: int = 0) -> dict[str, Any]:
        """Return a draw."""
        return self._space.sample(rng_of(self._seed, trial, attempt))

    def start(self, trial: int, values: Mapping[str, Any]) -> None:
        """Nothing is kept."""

    def report(self, trial: int, epoch: int, loss: Loss) -> None:
        """Nothing is kept."""

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Nothing is kept."""
