import math
from collections import Counter
from timeit import timeit

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl.errors import UsageError
from automl.schema.schema import Schema
from automl.schema.spec import unflatten
from automl.space.build import space_from_schema
from automl.space.space import Parameter, SearchSpace


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
        ({"p": {"type": "string", "default": "x"}}, None, "type string cannot be searched"),
        ({"p": number(1.0)}, ["q"], "q: is in automl_default_parameters but not in the schema"),
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


@pytest.mark.parametrize("default", [0.0, -1.0, None])
def test_a_parameter_of_the_schema_without_any_range_is_left_out_with_a_word(default):
    space = build({"p": number(default), "q": number(1.0)})
    assert list(space.parameters) == ["q"]
    assert space.left_out["p"].startswith("a range without finite bounds needs a default above 0")


EVERY_KIND = SearchSpace(
    {
        p.key: p
        for p in (
            Parameter("f", "float", 0.5, low=-1.0, high=1.0),
            Parameter("g", "float", 0.01, low=1e-4, high=1.0, is_log=True),
            Parameter("i", "int", 2, low=-3, high=9),
            Parameter("j", "int", 2, low=1, high=900, is_log=True),
            Parameter("b", "bool", True, choices=(False, True)),
            Parameter("c", "categorical", "x", choices=("x", "y", 1), weights=(1, 2, 5)),
            Parameter("o", "ordered", 8, choices=(2, 8, 32)),
            Parameter("pinned", "float", 0.3, low=0.3, high=0.3),
            Parameter("under", "int", 5, low=1, high=9, active_when=({"b": True},)),
        )
    },
    {},
)
CUBE = st.lists(st.floats(-0.5, 1.5) | st.just(math.nan), min_size=9, max_size=9).map(np.array)


@given(CUBE)
def test_every_point_of_the_cube_is_a_valid_suggestion_and_comes_back(point):
    values = EVERY_KIND.decode(point)
    assert list(EVERY_KIND.faults(values)) == []
    places = EVERY_KIND.encode(values)
    assert math.isnan(places[list(EVERY_KIND.parameters).index("under")]) != values["b"]
    again = EVERY_KIND.decode(places)
    near = {key: pytest.approx(values[key], rel=1e-9) for key in "fg"}
    assert again == {**values, **near}


@given(CUBE, st.integers(0, 99), st.floats(0, 2), st.floats(0, 1))
def test_a_mutation_is_a_valid_neighbour(point, seed, scale, share):
    values = EVERY_KIND.decode(point)
    changed = EVERY_KIND.mutate(values, np.random.default_rng(seed), scale=scale, share=share)
    assert list(EVERY_KIND.faults(changed)) == []


def test_a_small_mutation_moves_every_parameter_that_can_move():
    rng, values = np.random.default_rng(0), EVERY_KIND.defaults()
    changed = EVERY_KIND.mutate(values, rng, scale=1e-4, share=1.0)
    assert {k for k in values if changed.get(k) != values[k]} >= set(values) - {"pinned", "under"}
    assert abs(changed["f"] - values["f"]) < 0.01


def test_a_mutation_of_a_share_leaves_the_others():
    rng, values = np.random.default_rng(0), EVERY_KIND.defaults()
    moved = [EVERY_KIND.mutate(values, rng, scale=0.1, share=0.0) for _ in range(40)]
    assert {sum(m.get(k) != values[k] for k in values) for m in moved} <= {0, 1, 2}


def test_samples_follow_the_weights_and_the_scale():
    rng = np.random.default_rng(0)
    drawn = [EVERY_KIND.sample(rng) for _ in range(4000)]
    counts = Counter(str(v["c"]) for v in drawn)
    assert [counts[c] / 4000 for c in ("x", "y", "1")] == pytest.approx(
        [1 / 8, 2 / 8, 5 / 8], abs=0.03
    )
    assert np.mean([math.log10(v["g"]) for v in drawn]) == pytest.approx(-2, abs=0.1)
    assert {v["i"] for v in drawn} == set(range(-3, 10))


def test_places_given_are_sampled_except_near_a_prior():
    places = np.full(len(EVERY_KIND.parameters), 0.25)
    rng = np.random.default_rng(0)
    assert EVERY_KIND.sample(rng, places) == EVERY_KIND.decode(places)
    prior = Parameter("p", "float", 0.5, low=0.0, high=1.0, prior=0.9)
    space = SearchSpace({"p": prior}, {})
    drawn = [space.sample(rng, np.array([0.25]))["p"] for _ in range(1000)]
    assert sum(p == 0.25 for p in drawn) / 1000 == pytest.approx(0.5, abs=0.06)
    assert np.mean([p for p in drawn if p != 0.25]) > 0.7


def test_encoding_takes_microseconds():
    values = EVERY_KIND.sample(np.random.default_rng(0))
    assert timeit(lambda: EVERY_KIND.encode(values), number=1000) / 1000 / 9 < 20e-6


@pytest.mark.parametrize(
    "weights", [[1, 2], [0, 0, 0], [1, -1, 1], [1, "a", 1], [1, math.nan, 1], [1, math.inf, 1]]
)
def test_weights_that_cannot_be_are_refused_by_name(weights):
    kinds = {"type": "string", "default": "x", "enum": ["x", "y", "z"], "option_weights": weights}
    with pytest.raises(UsageError, match="kind: .*option_weights"):
        build({"kind": kinds})
