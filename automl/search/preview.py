"""Previews the suggestions of a searcher without any training, on random results."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from automl.search.algorithms import algorithm_named, make_searcher
from automl.space.space import SearchSpace
from automl.trial.budget import Budget
from automl.trial.moves import Continue, Start
from automl.trial.objective import Objective
from automl.trial.trial import Decision, Outcome, TrialState

ROUND = 40
"""Trials of one searcher; the next seed follows, since most slow down as they learn."""

_EPOCHS = 4
_SEVERAL = ("nsga2", "moasha")
_SMALL = {
    "pbt": {"population_size": 8, "eval_interval": 1},
    "pb2": {"population_size": 8, "eval_interval": 1},
    "nsga2": {"population_size": 8},
    "cmaes": {"population_size": 8},
    "bohb": {"min_points_in_model": 8, "min_top_configs": 4},
}
"""Options with which the searchers use their models within a round."""


def drawn_by_space(space: SearchSpace, count: int, *, seed: int) -> Iterator[dict[str, Any]]:
    """Yield samples of the space by its weights, scales and priors."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield space.sample(rng)


def drawn_by_searcher(
    space: SearchSpace, name: str, count: int, *, seed: int
) -> Iterator[dict[str, Any]]:
    """Yield the values of the trials that searchers of an algorithm start, on random results.

    Ends early if the space has fewer suggestions. Raises `UsageError` for an unknown name.
    """
    full = algorithm_named(name)
    left = count
    round_number = 0
    while left > 0:
        before = left
        for values in _round(space, full, seed=seed + round_number):
            yield values
            left -= 1
            if left == 0:
                return
        round_number += 1
        if left == before:  # The space is used up.
            return


def _round(space: SearchSpace, name: str, *, seed: int) -> Iterator[dict[str, Any]]:
    several = name in _SEVERAL
    one = Objective("a", "max")
    objectives = [one, Objective("b", "min")] if several else one
    searcher = make_searcher(
        name,
        space,
        objectives,
        Budget(ROUND, _EPOCHS),
        seed=seed,
        algorithm_options=_SMALL.get(name, {}),
    )
    rng = np.random.default_rng(seed)
    epochs: dict[int, int] = {}
    while isinstance(move := searcher.next(), Start | Continue):
        searcher.start(move)
        if isinstance(move, Start):
            epochs[move.trial] = 0 if move.parent is None else epochs[move.parent]
            yield move.values
        state = TrialState.COMPLETED if move.epochs >= _EPOCHS else TrialState.PAUSED
        while epochs[move.trial] < move.epochs:
            epochs[move.trial] += 1
            value = tuple(rng.random(2).tolist()) if several else float(rng.random())
            verdict = searcher.report(move.trial, epochs[move.trial], value)
            if verdict.decision is not Decision.CONTINUE:
                state = verdict.decision.state
                break
        searcher.finish(move.trial, Outcome(state))
