"""Our spaces as Optuna draws from them."""

from functools import partial

import pytest

from automl.space.space import Parameter, SearchSpace
from experiments.optuna_space import params_of, suggest, values_of

SPACE = SearchSpace(
    {
        "rate": Parameter("rate", "float", 0.01, low=0.001, high=0.1, is_log=True),
        "kind": Parameter("kind", "str", "a", choices=("a", "b", "c")),
    },
    {},
)


def test_values_become_params_and_values_again():
    values = {"rate": 0.05, "kind": "c"}
    assert values_of(SPACE, params_of(SPACE, values)) == pytest.approx(values)


def test_ray_tune_sees_all_that_is_drawn_and_begins_with_the_defaults():
    from ray.tune.search.optuna import OptunaSearch

    search = OptunaSearch(
        space=partial(suggest, space=SPACE), metric="m", mode="max", seed=0,
        points_to_evaluate=[params_of(SPACE, SPACE.defaults())],
    )  # fmt: skip
    first, second, third = (values_of(SPACE, search.suggest(str(n))) for n in range(3))
    assert first == pytest.approx(SPACE.defaults())
    assert second.keys() == third.keys() == SPACE.parameters.keys()
    assert second["rate"] != third["rate"]
