"""CMA-ES with margin for mixed spaces (Hamano et al., GECCO 2022), by the package cmaes."""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from cmaes import CMAwM
from numpy.typing import NDArray

from automl.search.base import Proposer
from automl.search.seeds import seed_of
from automl.space.space import SearchSpace
from automl.trial.pareto import Loss, better, is_finite, ranked
from automl.trial.trial import Outcome, TrialState

_SIGMA = 0.25
"""First step size, in parts of the unit cube: from the defaults it reaches most of the cube."""
_DISCRETE = 20
"""Most values of a parameter that counts as discrete."""

Vector = NDArray[np.float64]


class CmaEsProposer(Proposer):
    """Samples around a mean that moves towards good trials, a generation at a time.

    The mean starts at the defaults. Trials may end in any order: a generation is the set that ended
    since the last one. A trial without a value counts as the worst of its generation.
    """

    def __init__(self, space: SearchSpace, *, population: int | None, seed: int) -> None:
        self._space = space
        self._seed = seed
        sizes = [p.domain.size for p in space.parameters.values()]
        self._strategy = CMAwM(
            self._point(space.defaults()),
            _SIGMA,
            np.array([[0.0, 1.0]] * len(sizes)),
            np.array([1 / max(size - 1, 1) if size <= _DISCRETE else 0.0 for size in sizes]),
            seed=seed_of(seed),
            population_size=population,
        )
        self._places: dict[int, Vector] = {}
        self._losses: dict[int, Loss] = {}
        self._ended: list[int] = []

    def suggest(self, trial: int, attempt: int = 0) -> dict[str, Any]:
        """Return the values at a sampled place."""
        return self._space.decode(self._sample(trial, attempt)[0])

    def start(self, trial: int, values: Mapping[str, Any]) -> None:
        """Record the place for the strategy: its own sample, or that of other values."""
        # With margins, the strategy learns from another place than the one that is evaluated.
        place, sampled = self._sample(trial, 0)
        is_own = self._space.decode(place) == values
        self._places[trial] = sampled if is_own else self._point(values)

    def report(self, trial: int, epoch: int, loss: Loss) -> None:
        """Keep a trial's best loss."""
        self._losses[trial] = better(loss, self._losses.get(trial))

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Update the strategy once a generation has ended."""
        if outcome.state is TrialState.PAUSED:
            return
        if outcome.state is TrialState.FAILED:
            self._losses.pop(trial, None)
        self._ended.append(trial)
        if len(self._ended) >= self._strategy.population_size:
            self._tell()

    def _tell(self) -> None:
        losses = {t: self._losses[t] for t in self._ended if t in self._losses}
        order = ranked({t: loss for t, loss in losses.items() if is_finite(loss)})
        order += [t for t in self._ended if t not in order]
        if len(order) > 1 and ranked(losses):
            # Only the order matters to the strategy.
            generation = [(self._places[t], float(rank)) for rank, t in enumerate(order)]
            self._strategy.tell(generation[: self._strategy.population_size])
        self._ended = []

    def _sample(self, trial: int, attempt: int) -> tuple[Vector, Vector]:
        # A copy, since sampling changes the strategy's own generator.
        strategy = copy.deepcopy(self._strategy)
        strategy.reseed_rng(seed_of(self._seed, trial, attempt))
        place, sampled = strategy.ask()
        return place, sampled

    def _point(self, values: Mapping[str, Any]) -> Vector:
        return np.nan_to_num(self._space.encode(values), nan=0.5)
