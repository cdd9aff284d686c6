"""The comparison by real trainings: our searcher spends its epochs on any bench."""

import pytest

from automl.space.space import Parameter, SearchSpace
from automl.trial.objective import Objective
from experiments.real_training import by_searcher


class Quick:
    """A bench whose trainings end at once."""

    space = SearchSpace({"x": Parameter("x", "float", 0.5, low=0.0, high=1.0)}, {})
    objective = Objective("m", "max")
    epochs, budget = 4, 30

    def __init__(self):
        self.trained = {}

    def train(self, trial, values, told):
        while self.trained.get(trial, 0) < self.epochs:
            self.trained[trial] = self.trained.get(trial, 0) + 1
            if told(self.trained[trial], values["x"] - 1 / self.trained[trial]) != "continue":
                return


@pytest.mark.parametrize("name", ["auto", "asha", "random"])
def test_a_searcher_spends_the_budget_and_trials_end_as_told(name):
    bench = Quick()
    by_searcher(name, bench, seed=0)
    assert 26 <= sum(bench.trained.values()) <= 30
    assert bench.epochs in bench.trained.values()
