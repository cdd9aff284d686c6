import pytest

from automl.schema.conditions import Relation
from automl.space.parameter import Parameter

PARAMETERS = [
    Parameter("a", "float", 0.5, low=0.0, high=1.0, is_log=False, prior=0.3, why="schema"),
    Parameter("b", "int", 8, low=8, high=64, step=8, holes=(16,), conditions=("/ 8",)),
    Parameter("c", "categorical", "x", choices=("x", "y"), weights=(1.0, 2.0), type="categorical"),
    Parameter("d", "bool", True, choices=(False, True), active_when=({"c": {"not": "x"}},)),
    Parameter("e", "float", 0.7, low=0.0, high=1.0, relation=Relation(">", "a"), is_held=True),
]


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda p: p.key)
def test_the_plain_form_gives_the_parameter_back(parameter):
    assert Parameter.from_dict(parameter.key, parameter.to_dict()) == parameter


def test_the_plain_form_leaves_out_what_is_as_always():
    assert set(PARAMETERS[0].to_dict()) == {"kind", "default", "high", "prior", "why"}


@pytest.mark.parametrize(
    ("parameter", "inside", "outside"),
    [(PARAMETERS[0], 0.2, 1.1), (PARAMETERS[1], 24, 16), (PARAMETERS[2], "y", "z"),
     (PARAMETERS[3], False, 0)],
)  # fmt: skip
def test_a_parameter_contains_the_values_of_its_domain(parameter, inside, outside):
    assert parameter.contains(inside) and not parameter.contains(outside)


def test_bools_and_categories_have_no_order():
    assert [p.is_nominal for p in PARAMETERS] == [False, False, True, True, False]


def test_a_switch_says_whether_its_value_is_wanted_or_excluded():
    assert PARAMETERS[3].switches == ((("c", True, "x"),),)
    on = Parameter("p", "float", 0.5, active_when=({"a": 1, "b": True}, {"c": "x"}))
    assert on.switches == ((("a", False, 1), ("b", False, ("bool", True))), (("c", False, "x"),))
