"""Random search (Bergstra and Bengio, JMLR 2012), by the weights and scales of the space."""

from collections.abc import Mapping
from typing import Any

from automl.search.base import Proposer
from automl.search.seeds import rng_of
from automl.space.space import SearchSpace
from automl.trial.pareto import Loss
from automl.trial.trial import Outcome


class RandomProposer(Proposer):
    """Samples each trial independently of the results."""

    def __init__(self, space: SearchSpace, *, seed: int) -> None:
        self._space = space
        self._seed = seed

    def suggest(self, trial: int, attempt: int = 0) -> dict[str, Any]:
        """Return a sample of the space."""
        return self._space.sample(rng_of(self._seed, trial, attempt))

    def start(self, trial: int, values: Mapping[str, Any]) -> None:
        """Nothing is kept."""

    def report(self, trial: int, epoch: int, loss: Loss) -> None:
        """Nothing is kept."""

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Nothing is kept."""
