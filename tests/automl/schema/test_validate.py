import math

import pytest

from automl.schema.validate import errors_of, validator_of


def faults(node, value):
    return [(key, text) for key, text, _ in errors_of(validator_of(node), value)]


@pytest.mark.parametrize(
    ("node", "good", "bad"),
    [
        ({"type": "float"}, [1, 0.5], ["x", True, math.nan, math.inf, None]),
        ({"type": "integer"}, [1, 2.0], [0.5, True]),
        ({"type": "bool"}, [True], [1, "true"]),
        ({"type": "list_2"}, [[1, 2], []], [3]),
        ({"type": "float", "default": None}, [None, 1.0], ["x"]),
        ({"type": "optional_list", "enum": ["a"]}, [None, ["a"]], [["b"]]),
        ({"type": "string", "enum": ["a"], "default": None}, ["a", None], ["b"]),
        ({"type": "int", "minimum": 1, "maximum": math.inf}, [1, 10**9], [0]),
        ({"type": "string", "pattern": "^a"}, ["ab"], ["b"]),
        ({"type": "subset_list", "enum": ["a", "b"]}, [["b"]], [["c"]]),
        ({"type": "thing"}, [1, "x", None], []),
    ],
)
def test_values_of_both_dialects_are_checked(node, good, bad):
    assert [value for value in good if faults(node, value)] == []
    assert [value for value in bad if not faults(node, value)] == []


def test_words_that_are_no_json_schema_are_passed_over():
    node = {"type": "int", "minimum": "low", "maximum": [1, 2], "pattern": "(", "minItems": 0.5}
    assert faults(node, 3) == []


def test_each_missing_and_each_unknown_key_is_one_fault():
    node = {
        "properties": {"a": {"properties": {"b": {"type": "int"}}, "required": ["b", "c"]}},
        "additionalProperties": False,
    }
    assert sorted(faults(node, {"a": {}, "x": 1, "y": 2})) == [
        ("a.b", "is missing"), ("a.c", "is missing"), ("x", "unknown key"), ("y", "unknown key"),
    ]  # fmt: skip


def test_a_fault_names_the_place_in_a_list():
    node = {"properties": {"sizes": {"type": "list", "items": {"type": "int"}}}}
    assert [key for key, _ in faults(node, {"sizes": [1, "x"]})] == ["sizes.1"]
