import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution

from automl.objective import Objective
from automl.search.optuna import TpeProposer, distribution_from_parameter
from automl.space import Parameter, SearchSpace

PARAMETERS = [
    Parameter("f", "float", 0.5, low=0.0, high=1.0),
    Parameter("g", "float", 0.01, low=1e-4, high=1.0, is_log=True),
    Parameter("i", "int", 2, low=1, high=9),
    Parameter("j", "int", 2, low=1, high=900, is_log=True),
    Parameter("b", "bool", True, choices=(False, True)),
    Parameter("c", "categorical", "x", choices=("x", "y", 3)),
    Parameter("pinned", "float", 0.3, low=0.3, high=0.3),
]


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda p: p.key)
@given(share=st.floats(0, 1))
def test_values_go_to_optuna_and_back_unchanged(parameter, share):
    distribution = distribution_from_parameter(parameter)
    if isinstance(distribution, CategoricalDistribution):
        value = parameter.choices[round(share * (len(parameter.choices) - 1))]
    else:
        value = parameter.low + share * (parameter.high - parameter.low)
        value = round(value) if parameter.kind == "int" else min(value, parameter.high)
    there = distribution.to_internal_repr(value)
    assert distribution.to_external_repr(there) == value
    assert distribution._contains(there)


def test_every_kind_is_drawn_all_over_its_range():
    space = SearchSpace({p.key: p for p in PARAMETERS}, {})
    proposer = TpeProposer(space, Objective("m", "max"), seed=0)
    drawn = [proposer.suggest(n) for n in range(1, 80)]
    assert [fault for values in drawn for fault in space.faults(values)] == []
    for key, low, high in (("f", 0.1, 0.9), ("g", 4e-4, 0.25), ("j", 2, 400)):
        values = [v[key] for v in drawn]
        assert min(values) < low and max(values) > high
    assert {v["i"] for v in drawn} == set(range(1, 10))
    assert {v["c"] for v in drawn} == {"x", "y", 3}
    assert {v["pinned"] for v in drawn} == {0.3}
