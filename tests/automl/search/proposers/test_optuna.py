import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl.search.proposers.optuna import TpeProposer, param_from_value, value_from_param
from automl.space.space import Parameter, SearchSpace
from automl.trial.trial import Outcome, TrialState

PARAMETERS = [
    Parameter("f", "float", 0.5, low=0.0, high=1.0),
    Parameter("g", "float", 0.01, low=1e-4, high=1.0, is_log=True),
    Parameter("i", "int", 2, low=1, high=9),
    Parameter("j", "int", 2, low=1, high=900, is_log=True),
    Parameter("b", "bool", True, choices=(False, True)),
    Parameter("c", "categorical", "x", choices=("x", "y", 3)),
    Parameter("o", "ordered", 8, choices=(2, 8, 32)),
    Parameter("pinned", "float", 0.3, low=0.3, high=0.3),
]


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda p: p.key)
@given(place=st.floats(0, 1))
def test_values_go_to_optuna_and_back_unchanged(parameter, place):
    value = parameter.domain.value_at(place)
    there = param_from_value(parameter, parameter.domain, value)
    back = value_from_param(parameter, parameter.domain, there)
    assert back == (pytest.approx(value, rel=1e-9) if parameter.kind == "float" else value)


@pytest.mark.parametrize("is_modelled", [False, True])
def test_every_kind_is_drawn_all_over_its_range(is_modelled):
    space = SearchSpace({p.key: p for p in PARAMETERS}, {})
    proposer = TpeProposer(space, seed=0)
    for trial in range(5 if is_modelled else 0):
        proposer.start(trial, proposer.suggest(trial))
        proposer.report(trial, 1, (0.5,))
        proposer.finish(trial, Outcome(TrialState.COMPLETED))
    drawn = [proposer.suggest(n) for n in range(5, 125)]
    assert [fault for values in drawn for fault in space.faults(values)] == []
    for key, low, high in (("f", 0.1, 0.9), ("g", 4e-4, 0.25), ("j", 2, 400)):
        values = [v[key] for v in drawn]
        assert min(values) < low and max(values) > high
    assert {v["i"] for v in drawn} == set(range(1, 10))
    assert {v["c"] for v in drawn} == {"x", "y", 3}
    assert {v["o"] for v in drawn} == {2, 8, 32}
    assert {v["pinned"] for v in drawn} == {0.3}
