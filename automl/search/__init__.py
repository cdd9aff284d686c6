"""Searchers by name; each module loads its library only when it is asked for."""

from automl.budget import Budget
from automl.objective import Objective
from automl.search.base import Searcher
from automl.search.searcher import HalvingSearcher
from automl.space import SearchSpace


def make_searcher(
    space: SearchSpace, objective: Objective, budget: Budget, *, seed: int
) -> Searcher:
    """Return the default searcher: Optuna's TPE proposes, successive halving stops."""
    from automl.search.optuna import TpeProposer

    return HalvingSearcher(TpeProposer(space, objective, seed=seed), objective, budget)
