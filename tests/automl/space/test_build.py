import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from spaces import build, families, real, whole

from automl.errors import UsageError
from automl.schema.schema import Schema
from automl.space.build import space_from_schema
from automl.space.overlay.entry import Entry
from automl.space.space import SearchSpace


def drawn(space, key, count=400):
    rng = np.random.default_rng(0)
    samples = [space.sample(rng) for _ in range(count)]
    assert [fault for values in samples for fault in space.faults(values)] == []
    return [values[key] for values in samples if key in values]


@pytest.mark.parametrize(
    ("node", "reached"),
    [
        (whole(4, 0, 40, math_cond="/ 8"), {0, 8, 16, 24, 32, 40}),
        (whole(8, 1, 100, math_cond="^ 2"), {2, 4, 8, 16, 32, 64}),
        (whole(2, -2, 2, math_cond="!= 0"), {-2, -1, 1, 2}),
        (whole(1, 0, 4, math_cond="> 0 <= 3"), {1, 2, 3}),
        (whole(3, 0, 9, math_cond="== 3"), {3}),
        (whole(7, 7, 7), {7}),
        (whole(1, 0, 1, math_cond="> 0.0"), {1}),
        (real(0.5, 0, 1, math_cond="/ 0.25"), {0, 0.25, 0.5, 0.75, 1.0}),
        (real(0.1, 1e-3, 1, math_cond="^ 0.1"), {0.1, 0.1**2, 0.1**2 * 0.1}),
        ({"type": "ordered_int", "default": 3, "enum": [1, 3, 5]}, {1, 3, 5}),
        ({"type": "int", "default": 4, "enum": [1, 4, 6, 8], "math_cond": "^ 2"}, {4, 8}),
        ({"type": "int", "default": 4, "enum": [1, 4, 6, 8], "math_cond": "/ 4"}, {4, 8}),
        ({"type": "int", "default": 3, "enum": [1, 3, 5], "math_cond": "> 1"}, {3, 5}),
        ({"type": "bool", "default": True}, {True, False}),
        ({"type": "string", "default": "a", "enum": ["a", "b"]}, {"a", "b"}),
        ({"enum": ["a", None], "default": None}, {"a", None}),
        ({"type": "ordered", "default": "s", "enum": ["s", "m", "l"]}, {"s", "m", "l"}),
        ({"enum": ["a", "b", "c"], "default": "a", "option_weights": [1, 0, 1]}, {"a", "c"}),
        ({"minimum": 1, "maximum": 3}, None),
        ({"type": "integer", "minimum": 1, "maximum": 3, "default": None}, {1, 2, 3}),
        ({"type": "integer", "minimum": 0, "maximum": 9, "multipleOf": 3, "default": 3},
         {0, 3, 6, 9}),
    ],
)  # fmt: skip
def test_every_allowed_value_is_reached_and_no_other(node, reached):
    values = drawn(build({"p": node}), "p")
    if reached is None:
        assert all(1 <= v <= 3 for v in values) and len(set(values)) > 300
    else:
        assert set(values) == reached


def test_a_parameter_has_its_place_in_the_overlay_and_the_numbers_of_a_list_that_of_the_list():
    schema = Schema(
        {"properties": {"a": real(0.5, 0, 1), "b": real(0.5, 0, 1),
                        "c": {"type": "list_2_float", "default": [0.2, 0.8]}},
         "automl_default_parameters": ["a"]}
    )  # fmt: skip
    bounds = {"low": [0.0, 0.5], "high": [0.4, 1.0]}
    entries = {"c": Entry("c", **bounds, override=True), "b": Entry("b")}
    space = space_from_schema(schema, {"c": [0.2, 0.8]}, entries=entries)
    ranks = {key: one.rank for key, one in space.parameters.items()}
    assert ranks == {"a": 0, "b": 2, "c.0": 1, "c.1": 1}
    assert SearchSpace.from_dict(space.to_dict(), space.base).parameters["b"].rank == 2


def test_lists_of_options_are_searched_as_whole_lists():
    subset = {"type": "subset_list", "default": ["a"], "enum": ["a", "b"]}
    optional = {"type": "optional_list", "default": [], "enum": ["a", "b"]}
    space = build({"s": subset, "o": optional})
    assert {tuple(v) for v in drawn(space, "s")} == {(), ("a",), ("b",), ("a", "b")}
    assert {tuple(v) for v in drawn(space, "o")} == {(), ("a", "b")}


def test_a_list_of_numbers_is_searched_place_by_place():
    betas = {"type": "list_2", "default": [0.9, 0.999], "minimum": [0.8, 0.9],
             "maximum": [0.95, 0.999]}  # fmt: skip
    space = build({"betas": betas})
    assert space.defaults() == {"betas.0": 0.9, "betas.1": 0.999}
    assert all(0.9 <= value <= 0.999 for value in drawn(space, "betas.1"))


@pytest.mark.parametrize("name", ["lr_steps", "decay_step_list", "milestones"])
def test_milestones_ascend_and_differ(name):
    """Else PyTorch's MultiStepLR refuses them."""
    space = build({name: {"type": "list_3", "default": [20, 40, 70]}})
    rng, values = np.random.default_rng(0), space.defaults()
    for _ in range(200):
        values = space.mutate(values, rng, scale=0.3, share=0.5)
        for one in (values, space.sample(rng), space.decode(rng.random(3))):
            assert one[f"{name}.0"] < one[f"{name}.1"] < one[f"{name}.2"]


@pytest.mark.parametrize(
    ("name", "default"), [("sizes", [20, 40]), ("lr_steps", [40, 20]), ("steps", [0.2, 0.4])]
)
def test_other_lists_have_no_order(name, default):
    space = build({name: {"type": "list_2", "default": default}})
    pairs = list(zip(drawn(space, f"{name}.0"), drawn(space, f"{name}.1"), strict=True))
    assert any(a < b for a, b in pairs) and any(a > b for a, b in pairs)


def test_a_child_follows_its_parent_and_the_parent_leaves_it_room():
    pair = {"low": whole(2, 0, 20), "top": whole(5, 0, 9, math_cond="> depends_on",
                                                depends_on="low")}  # fmt: skip
    space = build(pair)
    assert set(drawn(space, "low")) == set(range(9))
    assert set(drawn(space, "top", 2000)) == set(range(1, 10))
    assert list(space.faults({"low": 5, "top": 5})) == ["top: 5 is outside its range"]
    assert list(space.faults({"low": 9, "top": 9})) != []


def test_a_parent_that_is_not_searched_counts_with_the_base_spec():
    pair = {"low": whole(7, 0, 20), "top": whole(8, 0, 9, depends_on="> low")}
    assert set(drawn(build(pair, searched=["top"]), "top")) == {8, 9}


def test_a_child_that_is_not_searched_bounds_its_parent():
    pair = {"low": whole(2, 0, 20), "top": whole(5, 0, 9, depends_on="> low")}
    assert set(drawn(build(pair, searched=["low"]), "low")) == {0, 1, 2, 3, 4}


def test_a_divided_parent_leaves_one_value():
    pair = {"epochs": whole(10, 1, 20), "warm": whole(1, 1, 9, math_cond="/ 2",
                                                     depends_on="epochs")}  # fmt: skip
    space = build(pair)
    assert set(drawn(space, "epochs")) == set(range(2, 20))
    values = space.sample(np.random.default_rng(0))
    assert values["warm"] == values["epochs"] // 2
    assert space.defaults() == {"epochs": 10, "warm": 5}


def test_a_chain_of_conditions_is_never_broken():
    chain = {
        "a": real(0.2, 0, 1),
        "b": real(0.5, 0, 1, math_cond="> depends_on", depends_on="a"),
        "c": real(0.7, 0, 0.8, math_cond=">= depends_on", depends_on="b"),
        "d": whole(1, 1, 3, math_cond="> depends_on", depends_on="c"),
    }
    space = build(chain)
    assert max(drawn(space, "a", 2000)) > 0.75
    assert {*drawn(space, "d")} == {1, 2, 3}


def test_a_child_that_is_off_does_not_narrow_its_parent():
    family = {
        "low": whole(2, 0, 9),
        "on": {"type": "bool", "default": True},
        "top": whole(3, 0, 4, depends_on="> low", active_when={"on": True}),
    }
    space = build(family)
    rng = np.random.default_rng(0)
    samples = [space.sample(rng) for _ in range(500)]
    assert {v["low"] for v in samples if v["on"]} == {0, 1, 2, 3}
    assert {v["low"] for v in samples if not v["on"]} == set(range(10))
    assert all(("top" in v) == v["on"] for v in samples)


@pytest.mark.parametrize(
    ("properties", "match"),
    [
        ({"p": whole(1, 3, 2)}, "p: no value is left between 3 and 2"),
        ({"p": real(0.0, 0, 0, math_cond="> 0.0")}, "p: no value is left"),
        ({"p": whole(1, 1, 7, math_cond="/ 8")}, "p: no value is left between 1 and 7, / 8"),
        ({"p": whole(1, 1, 1, math_cond="^ 2")}, "p: no value is left"),
        ({"p": whole(1, 1, 9, math_cond="/ 2.5")}, "p: a step of 2.5 leaves no whole numbers"),
        ({"p": whole(1, 1, 9, math_cond="^ 1.5")}, "p: powers of 1.5 are not whole numbers"),
        ({"p": {"enum": [1, 2], "type": "int", "default": 1, "math_cond": "> 5"}}, "leave none"),
        ({"p": {"enum": ["a"], "default": "a", "math_cond": "> 5"}}, "need choices that are num"),
        ({"p": whole(1, 0, 5, depends_on="> q"), "q": whole(7, 7, 9)}, "p: no value can be '> q'"),
        ({"p": whole(1, 0, 5, depends_on="> q"), "q": whole(3, 0, 9, depends_on="> r"),
          "r": whole(5, 5, 5)}, "impossible"),
        ({"p": whole(1, 0, 5, depends_on="> qq"), "q": whole(3, 0, 9)}, "'qq' is not a key; .* q?"),
        ({"p": whole(1, 0, 5, depends_on="> q"), "q": {"type": "string", "default": "x"}},
         "p: depends_on q, which is of type string and not a number"),
        ({"p": whole(1, 0, 5, depends_on="> q"), "q": whole(1, 0, 5, depends_on="> p")}, "a ring"),
        ({"p": whole(1, 0, 5, depends_on="> p")}, "a ring"),
        ({"p": whole(1, 0, 5, active_when={"qq": True})}, "active_when names qq"),
        ({"p": {"type": "subset_list", "default": [], "enum": list("abcdefghijk")}}, "11 options"),
        ({"p": {"type": "list", "default": ["a"], "enum": ["a"]}}, "lists of options"),
        ({"p": {"type": "dict", "default": {}}}, "type dict cannot be searched"),
        ({"p": {"type": "list", "default": []}}, "only as a list of numbers"),
        ({"p": {"enum": ["a", "b"], "default": "c"}}, "default 'c' is not one of"),
        ({"p": {"enum": ["a", "a"], "default": "a"}}, "name one twice"),
        ({"p": real(0.0, 0, 1, scale="log")}, "p: a log scale needs a default above 0"),
        ({"p": real(1.0, -1e200, 1e200)}, "too many numbers"),
        ({"p": real(1.0, 0, 5, math_cond="/ 5e-324")}, "too many numbers"),
        ({"p": real(2.0, 1, 9, math_cond="^ 1.0001")}, "powers of 1.0001 are too many"),
        ({"p": {"type": "int", "default": 1, "enum": [1, 3], "math_cond": "^ 1e300"}},
         "leave none"),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_is_refused_by_name_when_the_space_is_built(properties, match):
    searched = [
        k for k, n in properties.items() if n["type" if "type" in n else "enum"] != "string"
    ]
    with pytest.raises(UsageError, match=match):
        build(properties, searched=searched)


@pytest.mark.parametrize(
    ("key", "node", "expected"),
    [
        ("lr", real(6e-5, 0, math.inf), (6e-6, 6e-3, True)),
        ("lr", real(0.01, 0, 1), (1e-3, 1, True)),
        ("optm_lr", {"anyOf": [{"type": "number"}, {"type": "array"}], "default": 1e-6,
                     "minimum": 0, "maximum": math.inf}, (1e-7, 1e-4, True)),
        ("weight_decay", real(0.01, 0, 1, math_cond="> 0.0"), (1e-3, 1, True)),
        ("weight_decay", real(0.0, 0, 1), (0, 1, False)),
        ("lr", real(0.5, 0, 1, scale="linear"), (0, 1, False)),
        ("size", whole(640, 32, math.inf), (160, 2560, True)),
        ("wide", real(1.0, 0, 1e6), (0.1, 100, True)),
        ("plain", real(0.5, 0, 1), (0, 1, False)),
        ("filrate", real(0.5, 0, 1), (0, 1, False)),
    ],
)  # fmt: skip
def test_wide_ranges_get_a_log_window_and_others_stay(key, node, expected):
    p = build({key: node}).parameters[key]
    assert (p.low, p.high, p.is_log) == (
        pytest.approx(expected[0]),
        pytest.approx(expected[1]),
        expected[2],
    )


# Small families whose every assignment can be tried: what is drawn is what the rules allow.


def allowed(nodes, searched):
    """Return all suggestions that the words of the schema allow, found by trying them all."""
    base = {key: node["default"] for key, node in nodes.items()}

    def grow(values, keys):
        if not keys:
            whole_spec = {**base, **values}
            if all(fits(key, whole_spec, values) for key in nodes):
                yield values
            return
        key, *rest = keys
        node = nodes[key]
        if "active_when" in node and node["active_when"]["on"] != values["on"]:
            yield from grow(values, rest)
            return
        options = (False, True) if key == "on" else range(node["minimum"], node["maximum"] + 1)
        for value in options:
            yield from grow({**values, key: value}, rest)

    def fits(key, spec, values):
        node, value = nodes[key], spec[key]
        condition = node.get("math_cond", "")
        is_off = "active_when" in node and node["active_when"]["on"] != spec["on"]
        parent = node.get("depends_on")
        # The word of one that is not searched counts only where a searched parent must heed it.
        if key not in values and (is_off or parent not in values or condition == "/ 2"):
            return True
        if parent:
            if condition == "/ 2":
                return value == spec[parent] // 2
            return eval(f"{value} {condition.split()[0]} {spec[parent]}")
        match condition:
            case "/ 2":
                return value % 2 == 0
            case "^ 2":
                return value in (2, 4, 8)
            case "":
                return True
            case ">= 0 < 3":
                return 0 <= value < 3
        return eval(f"{value} {condition}")

    return list(grow({}, [key for key in nodes if key in searched]))


@settings(max_examples=150, deadline=None)
@given(families())
@example(
    (
        {
            "on": {"type": "bool", "default": False},
            "p0": whole(0, -1, 0),
            "p1": {
                **whole(0, 0, 0),
                "active_when": {"on": False},
                "depends_on": "p0",
                "math_cond": "> depends_on",
            },
        },
        ["on", "p0"],
    )
)
@example(
    (
        {
            "on": {"type": "bool", "default": False},
            "p0": {**whole(0, -1, 0), "active_when": {"on": True}, "math_cond": "!= 0"},
            "p1": {
                **whole(0, 0, 0),
                "active_when": {"on": True},
                "depends_on": "p0",
                "math_cond": "/ 2",
            },
        },
        ["on", "p0", "p1"],
    )
)
def test_exactly_what_the_words_of_the_schema_allow_is_drawn(family):
    nodes, searched = family
    expected = allowed(nodes, searched)
    try:
        space = build(nodes, searched=searched)
    except UsageError as error:
        assert "impossible" in str(error)
        assert {values["on"] for values in expected} != {False, True}
        return
    rng = np.random.default_rng(0)
    seen = {tuple(sorted(space.sample(rng).items())) for _ in range(300)}
    assert seen <= {tuple(sorted(values.items())) for values in expected}
    again = SearchSpace.from_dict(space.to_dict(), space.base)
    for values in expected:
        assert list(space.faults(values)) == list(again.faults(values)) == []
        assert space.decode(space.encode(values)) == values


@settings(max_examples=50, deadline=None)
@given(families(), st.integers(0, 99))
def test_mutations_defaults_and_files_stay_inside(family, seed):
    nodes, searched = family
    try:
        space = build(nodes, searched=searched)
    except UsageError:
        return
    rng = np.random.default_rng(seed)
    assert list(space.faults(space.defaults())) == []
    values = space.sample(rng)
    for _ in range(20):
        values = space.mutate(values, rng, scale=0.5, share=0.5)
        assert list(space.faults(values)) == []
    broken = {key: nodes[key]["maximum"] + 9 for key in values if key != "on"}
    assert list(space.faults(space.repaired({**values, **broken}, rng))) == []
    assert space.repaired(values, rng) == values
    again = SearchSpace.from_dict(space.to_dict(), space.base)
    assert again.parameters == space.parameters
