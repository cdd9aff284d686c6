import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from automl.errors import UsageError
from automl.schema.spec import (
    flatten,
    leaves,
    parse_assignments,
    parse_value,
    unflatten,
    with_values,
)

TEXTS = st.text("1e-4.:{}#'\n no", max_size=6)
NAMES = st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=1, max_size=4)
SPECS = st.recursive(
    st.integers() | st.booleans() | st.lists(st.integers()),
    lambda children: st.dictionaries(NAMES, children, min_size=1),
    max_leaves=10,
).filter(lambda value: isinstance(value, dict))


@given(SPECS)
def test_flatten_and_unflatten_are_inverse(spec):
    assert unflatten(flatten(spec)) == spec


def test_with_values_leaves_its_argument_alone():
    spec = {"a": {"b": 1, "c": 2}}
    assert with_values(spec, {"a.b": 5}) == {"a": {"b": 5, "c": 2}}
    assert spec == {"a": {"b": 1, "c": 2}}


def test_leaves_keep_what_the_other_schema_knows():
    assert leaves({"a": {"b": 1, "c": 2}}, {"a.c", "d"}) == {"a.c": 2}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("-2E5", -2e5),
        ("3", 3),
        ("true", True),
        ("None", "None"),
        ("null", None),
        ("", ""),
        ("[1, 2]", [1, 2]),
        ("s3://bucket/a=b", "s3://bucket/a=b"),
    ],
)
def test_values_are_yaml_with_numbers_as_people_write_them(text, value):
    assert parse_value(text) == value


def test_all_bad_words_are_named_at_once():
    with pytest.raises(UsageError, match="(?s)'lr' is not understood.*a: '\\[1' is not a YAML"):
        parse_assignments(["lr", "a=[1", "b=2"])


def test_a_place_of_a_list_gets_a_new_value():
    spec = {"optim": {"betas": [0.9, 0.999]}, "n": 1}
    changed = with_values(spec, {"optim.betas.1": 0.99, "n": 2})
    assert changed == {"optim": {"betas": [0.9, 0.99]}, "n": 2}
    assert spec["optim"]["betas"] == [0.9, 0.999]


@given(st.dictionaries(NAMES, SPECS | st.floats(allow_nan=False) | TEXTS | st.none()))
def test_a_spec_comes_back_from_yaml_as_it_was(spec):
    assert yaml.safe_load(yaml.safe_dump(spec, sort_keys=False)) == spec
