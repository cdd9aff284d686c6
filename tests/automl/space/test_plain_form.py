import pytest

from automl.errors import UsageError
from automl.schema.conditions import Relation
from automl.space.parameter import Parameter
from automl.space.space import SearchSpace

GOOD = {"kind": "float", "default": 1.0, "high": 2.0}


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        (None, "space: a: None is not of type 'object'"),
        ([], r"space: a: \[\] is not of type 'object'"),
        ({}, "space: a: 'kind' is a required property"),
        ({**GOOD, "kind": "flaot"}, "space: a.kind: 'flaot' is not one of"),
        ({**GOOD, "low": "x"}, "space: a.low: 'x' is not of type 'number'"),
        ({**GOOD, "high": None}, "space: a.high: None is not of type 'number'"),
        ({**GOOD, "choices": 3}, "space: a.choices: 3 is not of type 'array'"),
        ({**GOOD, "holes": ["x"]}, "space: a.holes.0: 'x' is not of type 'number'"),
        ({**GOOD, "active_when": [1]}, "space: a.active_when.0: 1 is not of type 'object'"),
        ({**GOOD, "relation": {"parent": "b"}}, "a.relation: 'operator' is a required property"),
        ({**GOOD, "cases": {"x": {"low": 1}}}, "a.cases.x: 'choices' is a required property"),
        ({**GOOD, "lows": 0}, "space: a: unknown key 'lows'; did you mean low"),
        ({**GOOD, 3: 0}, "space: a: unknown key 3"),
        ({**GOOD, "low": 3}, "space: a: low 3 is above high 2"),
        ({**GOOD, "high": float("nan")}, "space: a: low 0 and high nan must be finite"),
        ({**GOOD, "step": 0}, "space: a: step 0 must be above 0"),
        ({**GOOD, "low": -1, "is_log": True}, "space: a: is_log needs a low above 0, not -1"),
        ({"kind": "categorical", "default": "x"}, "space: a: categorical has no choices"),
    ],
)
def test_what_makes_no_parameter_is_refused_by_its_key(parameter, message):
    with pytest.raises(UsageError, match=message):
        SearchSpace.from_dict({"a": parameter}, {})


def test_a_key_that_is_no_text_is_refused():
    with pytest.raises(UsageError, match="space: 5 must be the dotted key of a spec"):
        SearchSpace.from_dict({5: GOOD}, {})


def test_each_fault_has_its_line():
    with pytest.raises(UsageError) as caught:
        SearchSpace.from_dict({"a": {**GOOD, "low": "x", "step": "y"}, "b": None}, {})
    assert len(caught.value.faults) == 3


def test_every_field_of_a_parameter_passes():
    one = Parameter(
        "a", "float", 1.0, low=0.5, high=2.0, is_log=True, active_when=({"b": {"not": True}},),
        step=0.5, holes=(1.5,), relation=Relation(">", "c"), prior=1.0, type="float",
        conditions=("> c",), why="asked", is_held=True, case_key="b",
        cases={"x": {"choices": [], "weights": [], "holes": [], "low": 1.0, "default": 1.0}},
    )  # fmt: skip
    space = SearchSpace.from_dict({"a": one.to_dict(), "b": {**GOOD, "kind": "float"}}, {})
    assert space.to_dict()["a"] == one.to_dict()
