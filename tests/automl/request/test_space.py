import pytest

from automl.errors import UsageError
from automl.request.space import SpaceRequest, parse_searched
from automl.schema.schema import Schema
from automl.schema.spec import unflatten

SCHEMA = Schema(
    {
        "automl_default_parameters": ["lr", "width"],
        "properties": {
            "lr": {"type": "float", "default": 0.01, "minimum": 0, "maximum": 1},
            "width": {"type": "int", "default": 8, "minimum": 1, "maximum": 64},
            "on": {"type": "bool", "default": True},
        },
    }
)
OVERLAY = """
drop: [width]
parameters: {lr: {low: 0.1, high: 1.0}, 'on': {fixed: false}}
"""


def chosen(tmp_path, overrides=(), **flags):
    path = tmp_path / "o.yaml"
    path.write_text(OVERLAY)
    if flags.pop("with_overlay", False):
        flags["overlay"] = str(path)
    choice = SpaceRequest(**flags).chosen(
        dict(overrides), skill="s", folder=tmp_path, shorthand={"learning_rate": "lr"}
    )
    base = unflatten({**SCHEMA.defaults(), **choice.overrides})
    return choice.space(SCHEMA, base), choice


def test_without_flags_the_space_is_the_schema_less_what_is_set(tmp_path):
    space, choice = chosen(tmp_path, {"lr": 0.5})
    assert set(space.parameters) == {"width"}
    assert choice.overrides == {"lr": 0.5}


def test_an_overlay_drops_changes_and_fixes(tmp_path):
    space, choice = chosen(tmp_path, with_overlay=True)
    assert set(space.parameters) == {"lr"}
    assert (space.parameters["lr"].low, choice.overrides) == (0.1, {"on": False})


def test_what_is_set_for_the_run_wins_over_an_overlay(tmp_path):
    space, choice = chosen(tmp_path, {"lr": 0.5, "on": True}, with_overlay=True)
    assert (set(space.parameters), choice.overrides) == (set(), {"lr": 0.5, "on": True})


def test_search_wins_over_an_overlay_and_starts_at_the_value_that_is_set(tmp_path):
    searched = {"learning_rate": "log(1e-4,1e-1)", "width": "choice(8,16)", "on": "auto"}
    space, _ = chosen(tmp_path, {"lr": 0.05}, with_overlay=True, searched=searched)
    assert set(space.parameters) == {"lr", "width", "on"}
    assert (space.parameters["lr"].default, space.parameters["lr"].low) == (0.05, 1e-4)


def test_fix_sets_a_value_and_leaves_it_out(tmp_path):
    space, choice = chosen(tmp_path, fixed={"learning_rate": 0.5})
    assert (set(space.parameters), choice.overrides) == ({"width"}, {"lr": 0.5})


@pytest.mark.parametrize(
    ("overrides", "flags", "match"),
    [
        ({}, {"fixed": {"lr": 1}, "searched": {"lr": "auto"}}, "--fix lr and --search lr exclude"),
        ({"lr": 2}, {"fixed": {"lr": 1}}, "--fix lr=1 and lr=2 disagree"),
        ({}, {"searched": {"lrr": "auto"}}, "--search: lrr: unknown key; did you mean lr?"),
        ({}, {"searched": {"lr": "log(0.1,2)"}}, r"--search: lr: high 2 is outside \[0, 1\]"),
        ({}, {"overlay": "none"}, "--space: 'none' is not one of"),
    ],
)
def test_flags_that_cannot_be_meant_are_refused(tmp_path, overrides, flags, match):
    with pytest.raises(UsageError, match=match):
        chosen(tmp_path, overrides, **flags)


def test_words_without_an_expression_are_refused_all_at_once():
    with pytest.raises(UsageError) as caught:
        parse_searched(["lr", "=auto", "a=auto", "a=auto"])
    assert len(caught.value.faults) == 3
