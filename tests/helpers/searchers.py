"""Every algorithm by name, small enough to learn within a few trials, on one mixed space."""

import math

from automl.search.algorithms import ALGORITHMS, make_searcher
from automl.space.space import Parameter, SearchSpace
from automl.trial.budget import Budget
from automl.trial.objective import Objective

SPACE = SearchSpace(
    {
        "lr": Parameter("lr", "float", 0.01, low=1e-4, high=1.0, is_log=True),
        "on": Parameter("on", "bool", True, choices=(False, True)),
        "p": Parameter("p", "float", 0.5, low=0.0, high=1.0, active_when=({"on": True},)),
        "n": Parameter("n", "int", 4, low=1, high=9),
        "c": Parameter("c", "categorical", "x", choices=("x", "y", "z")),
    },
    {},
)
SEVERAL = ("nsga2", "moasha")
EPOCHS = 9
SETTINGS = {
    "pbt": {"eval_interval": 2, "population_size": 4},
    "pb2": {"eval_interval": 2, "population_size": 4},
    "nsga2": {"population_size": 4},
    "cmaes": {"population_size": 4},
    "bohb": {"min_points_in_model": 4, "min_top_configs": 2},
}
NAMES = [*ALGORITHMS, "asha-stop"]


def make(name, *, mode="max", seed=0, trials=12, **budget):
    options = {**SETTINGS.get(name, {}), **({"type": "stop"} if name == "asha-stop" else {})}
    name = name.removesuffix("-stop")
    other = "min" if mode == "max" else "max"
    objective = [Objective("m", mode), Objective("k", other)] if name in SEVERAL else (
        Objective("m", mode)
    )  # fmt: skip
    return make_searcher(
        name,
        SPACE,
        objective,
        Budget(trials, EPOCHS, **budget),
        seed=seed,
        algorithm_options=options,
    )


def score_of(name, *, sign=1):
    def score(values, epoch):
        good = -abs(math.log10(values["lr"]) + 1) - 1 / epoch - (values["c"] != "z")
        return (sign * good, sign * values["n"]) if name in SEVERAL else sign * good

    return score
