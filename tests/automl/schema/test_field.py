import math

import pytest

from automl.schema.field import field_from_node, leaves_of, types_of


def read(node, default=...):
    faults = []
    default = node.get("default") if default is ... else default
    return field_from_node("k", node, default, faults.append), faults


@pytest.mark.parametrize(
    ("node", "kind"),
    [
        ({"type": "number"}, "float"),
        ({"type": ["integer", "null"]}, "int"),
        ({"type": "boolean"}, "bool"),
        ({"type": "list_2"}, "list_2"),
        ({"type": "int", "enum": [1, 2]}, "ordered_int"),
        ({"type": "float", "enum": [1.0]}, "ordered"),
        ({"type": "string", "enum": ["a"]}, "categorical"),
        ({"type": "subset_list", "enum": ["a"]}, "subset_list"),
        ({"default": True}, "bool"),
        ({"default": 3}, "int"),
        ({"default": 3, "maximum": 9.5}, "float"),
        ({"default": {}}, "collection"),
        ({"minimum": 1}, "float"),
        ({}, "any"),
    ],
)
def test_the_type_is_the_stated_one_or_that_of_default_and_bounds(node, kind):
    field, faults = read(node)
    assert (field.type, faults) == (kind, [])


def test_bounds_may_be_open_infinite_or_one_a_place():
    field, _ = read({"type": "float", "exclusiveMinimum": 0, "maximum": math.inf})
    assert (field.low, field.low_is_open, field.high) == (0.0, True, math.inf)
    both, _ = read({"type": "float", "minimum": 1, "exclusiveMinimum": 1})
    assert both.low_is_open
    places, _ = read({"type": "list_2", "minimum": [0.8, 0.9]})
    assert (places.lows, places.low) == ((0.8, 0.9), -math.inf)


@pytest.mark.parametrize(("value", "meaning"), [(True, True), ("TRUE", True), ("False", False),
                                                ("", None), (None, None)])  # fmt: skip
def test_automl_enabled_takes_bools_and_taos_texts(value, meaning):
    field, faults = read({"type": "int", "automl_enabled": value})
    assert (field.is_searchable, faults) == (meaning, [])


@pytest.mark.parametrize(
    ("word", "value", "message"),
    [
        ("type", 3, "type 3 is not the name of a type"),
        ("minimum", "low", "minimum 'low' is not a number"),
        ("minimum", math.inf, "leaves no value"),
        ("minimum", [1, "x"], r"bounds [1, 'x'] are not all numbers"),
        ("enum", [], "enum [] is not a list of values"),
        ("option_weights", 3, "option_weights 3 is not a list of numbers"),
        ("scale", "cubic", "scale 'cubic' is not one of linear, log"),
        ("math_cond", "about 3", "math_cond 'about 3' is not understood"),
        ("multipleOf", -1, "multipleOf -1 is not a number above 0"),
        ("automl_enabled", "maybe", "automl_enabled 'maybe' is not true or false"),
        ("active_when", {"a": {"is": 1}}, "must map keys to values"),
    ],
)
def test_a_broken_word_is_a_fault_and_no_exception(word, value, message):
    _, faults = read({"type": "float", "default": 0.5, word: value})
    assert len(faults) == 1 and message in faults[0]


@pytest.mark.parametrize(
    ("node", "text"),
    [
        ({"type": "int", "minimum": 1, "maximum": 9}, "an int in [1, 9]"),
        ({"type": "float", "exclusiveMinimum": 0, "math_cond": "!= 1"}, "a float in (0, inf] != 1"),
        ({"enum": ["a", "b"], "type": "string"}, "one of a, b"),
        ({"enum": ["a"], "type": "subset_list"}, "a list of some of a"),
        ({"type": "string"}, "a string"),
    ],
)
def test_the_allowed_values_are_told_in_words(node, text):
    assert read(node)[0].allowed() == text


def test_leaves_have_dotted_keys_and_a_default_of_their_own_or_from_above():
    node = {"properties": {"a": {"properties": {"b": {"default": 1}, "c": {}}}, "d": {}}}
    leaves = [(key, default) for key, _, default in leaves_of(node, {"a": {"b": 7, "c": 2}})]
    assert leaves == [("a.b", 1), ("a.c", 2), ("d", None)]


def test_null_is_no_type_of_a_value():
    assert types_of({"type": ["null", "number"]}) == ["float"]
    assert types_of({"type": "null"}) == []
