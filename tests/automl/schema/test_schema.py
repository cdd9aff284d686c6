import json

import pytest

from automl.errors import UsageError
from automl.schema.schema import Schema

DOCUMENT = {
    "type": "object",
    "automl_default_parameters": ["a.lr"],
    "properties": {
        "a": {
            "type": "collection",
            "properties": {
                "automl_disabled_parameters": ["a.x"],
                "lr": {"type": "float", "default": 0.1, "minimum": 0.0, "maximum": float("inf")},
                "n": {"type": "integer", "default": 2, "minimum": 1, "exclusiveMaximum": 9},
                "kind": {"type": "categorical", "default": "x", "enum": ["x", "y"]},
                "flag": {"type": ["boolean", "null"], "default": True},
                "rgb": {"type": "array", "default": [], "items": {"type": "integer"}},
            },
        }
    },
}


def test_fields_of_both_dialects_are_read():
    fields = Schema(DOCUMENT).fields
    assert {key: f.type for key, f in fields.items()} == {
        "a.lr": "float",
        "a.n": "int",
        "a.kind": "categorical",
        "a.flag": "bool",
        "a.rgb": "list",
    }
    assert (fields["a.n"].low, fields["a.n"].high, fields["a.n"].high_is_open) == (1, 9, True)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("a.lrr", 1, "a.lrr: unknown key; did you mean a.lr?"),
        ("a.lr", -1, r"a.lr: -1 is not allowed: must be a float in \[0, inf\]; the default is 0.1"),
        ("a.lr", "x", "a.lr: 'x' is not allowed"),
        ("a.n", 9, r"must be an int in \[1, 9\)"),
        ("a.n", 2.5, "a.n: 2.5 is not allowed"),
        ("a.kind", "z", "must be one of x, y"),
        ("a.flag", 1, "a.flag: 1 is not allowed: must be a bool"),
        ("a.rgb", ["r"], "a.rgb: .*'r' is not of type 'integer'"),
    ],
)
def test_a_wrong_override_is_told_with_what_is_allowed(key, value, text):
    with pytest.raises(UsageError, match=text):
        Schema(DOCUMENT).check_keys({key: value})


def test_of_thousands_of_unknown_keys_all_are_named_and_the_first_have_the_nearest():
    keys = [f"a.kin{number}" for number in range(5000)]
    with pytest.raises(UsageError) as caught:
        Schema(DOCUMENT).check_keys(dict.fromkeys(keys, 1))
    assert [fault.key for fault in caught.value.faults] == keys
    hinted = [fault.nearest is not None for fault in caught.value.faults]
    assert hinted == [True] * 30 + [False] * 4970


def test_all_faults_are_told_at_once():
    with pytest.raises(UsageError) as caught:
        Schema(DOCUMENT).check_keys({"a.lr": -1, "b": 0, "a.kind": "x"})
    assert len(caught.value.faults) == 2


def test_right_overrides_pass():
    Schema(DOCUMENT).check_keys({"a.lr": 3, "a.n": 8, "a.flag": None, "a.rgb": [1]})


@pytest.mark.parametrize(
    ("text", "match"),
    [("{", "is not JSON"), ("[]", "is not a schema"), (None, "cannot be read")],
)
def test_a_broken_file_is_named(tmp_path, text, match):
    path = tmp_path / "train.schema.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=match):
        Schema.read(path)


def test_a_schema_file_is_read(tmp_path):
    path = tmp_path / "train.schema.json"
    path.write_text(json.dumps(DOCUMENT))
    assert Schema.read(path).automl_defaults == ("a.lr",)
