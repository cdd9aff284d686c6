import math

import pytest

from automl.errors import UsageError
from automl.schema import Schema
from automl.space import space_from_schema
from automl.spec import unflatten


def build(properties, *, defaults=None, fixed=()):
    document = {
        "properties": properties,
        "automl_default_parameters": list(properties) if defaults is None else defaults,
    }
    schema = Schema(document)
    spec = unflatten({key: f.default for key, f in schema.fields.items()})
    return space_from_schema(schema, spec, fixed=frozenset(fixed))


def number(default, **rest):
    return {"type": "number", "default": default, **rest}


def test_finite_bounds_are_searched_as_they_are():
    parameter = build({"p": number(0.5, minimum=0, maximum=1)}).parameters["p"]
    assert (parameter.low, parameter.high, parameter.is_log) == (0, 1, False)


def test_an_unbounded_range_gets_a_log_window_above_and_below_its_default():
    parameter = build({"lr": number(6e-5, minimum=0, maximum=math.inf)}).parameters["lr"]
    assert parameter.is_log
    assert (parameter.low, parameter.high) == pytest.approx((6e-6, 6e-3))


def test_an_open_bound_is_never_reached():
    parameter = build({"beta": number(0.9, minimum=0, exclusiveMaximum=1)}).parameters["beta"]
    assert 0.999 < parameter.high < 1


def test_a_pinned_range_stays_what_it_is():
    parameter = build({"p": number(0.3, minimum=0.3, maximum=0.3)}).parameters["p"]
    assert (parameter.low, parameter.high, parameter.contains(0.3)) == (0.3, 0.3, True)


def test_a_parameter_under_a_switch_that_is_off_is_inactive():
    flip = {
        "on": {"type": "boolean", "default": False},
        "p": number(0.5, minimum=0, maximum=1, active_when={"on": True}),
    }
    assert build(flip).defaults() == {"on": False}
    assert list(build(flip).faults({"on": False, "p": 0.1})) == ["p: inactive, yet given"]
    assert list(build(flip).faults({"on": True})) == ["p: missing"]
    assert build(flip, fixed=["on"]).defaults() == {}


@pytest.mark.parametrize(
    ("base", "active"), [({}, False), ({"a": "x"}, True), ({"b": "y"}, True), ({"b": "z"}, False)]
)
def test_one_of_several_alternatives_is_enough(base, active):
    either = [{"a": {"not": ""}}, {"b": "y"}]
    texts = {k: {"type": "string", "default": base.get(k, "")} for k in "ab"}
    space = build(
        {**texts, "p": number(0.5, minimum=0, maximum=1, active_when=either)}, defaults=["p"]
    )
    assert space.defaults() == ({"p": 0.5} if active else {})


def test_a_switch_comes_before_what_it_switches():
    space = build(
        {
            "a": number(0.5, minimum=0, maximum=1, active_when={"z": True}),
            "z": {"type": "boolean", "default": True},
        }
    )
    assert list(space.parameters) == ["z", "a"]


def test_what_the_user_fixed_is_not_searched():
    space = build({"p": number(0.5, minimum=0, maximum=1), "q": number(1.0)}, fixed=["p"])
    assert list(space.parameters) == ["q"]


@pytest.mark.parametrize(
    ("properties", "defaults", "match"),
    [
        ({"p": number(2.0, minimum=0, maximum=1)}, None, r"default 2.0 is outside \[0, 1\]"),
        ({"p": number(0.0)}, None, "a log scale needs a default above 0"),
        ({"p": {"type": "string", "default": "x"}}, None, "type string cannot be searched"),
        ({"p": number(1.0)}, ["q"], "q: is in automl_default_parameters but not in the schema"),
        ({"p": number(None)}, None, "default None is no number"),
        (
            {
                "a": number(0.5, minimum=0, maximum=1, active_when={"b": 0.5}),
                "b": number(0.5, minimum=0, maximum=1, active_when={"a": 0.5}),
            },
            None,
            "active only when it is active",
        ),
    ],
)
def test_an_impossible_parameter_is_refused_by_name(properties, defaults, match):
    with pytest.raises(UsageError, match=match):
        build(properties, defaults=defaults)
