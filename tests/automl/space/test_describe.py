import pytest
from spaces import real, whole

from automl.schema.schema import Schema
from automl.schema.spec import unflatten
from automl.space.build import space_from_schema
from automl.space.describe import lines, rows, values_text, why

NODES = {
    "lr": real(0.01, 0, 1, math_cond="> 0"),
    "kind": {"enum": ["a", "b"], "default": "a", "option_weights": [1, 3]},
    "betas": {
        "type": "list_2",
        "default": [0.9, 0.99],
        "minimum": [0.8, 0.9],
        "maximum": [0.95, 1],
    },
    "lr_steps": {"type": "list_2", "default": [40, 70]},
    "epochs": whole(10, 1, 20),
    "warm": whole(5, 0, 10, math_cond="/ 2", depends_on="epochs"),
    "p": real(0.5, 0, 1, active_when=[{"kind": "b"}, {"kind": {"not": "a"}}]),
    "clip": {"type": "float", "default": 0.0},
}


@pytest.fixture(scope="module")
def described():
    schema = Schema({"properties": NODES, "automl_default_parameters": list(NODES)})
    space = space_from_schema(schema, unflatten(schema.defaults()))
    return space, schema, {row["key"]: row for row in rows(space, schema)}


def test_there_is_one_row_a_key_and_a_list_is_one(described):
    _, _, table = described
    assert set(table) == set(NODES) - {"clip"}
    assert (table["betas"]["low"], table["betas"]["default"]) == ([0.8, 0.9], [0.9, 0.99])


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("kind", "one of 'a' (weight 1), 'b' (weight 3)"),
        ("betas", "linear scale from [0.8, 0.9] to [0.95, 1]"),
        ("epochs", "linear scale from 1 to 20"),
        ("warm", "its parent divided"),
    ],
)
def test_the_values_of_a_row_are_told_in_words(described, key, text):
    assert values_text(described[2][key]) == text


def test_conditions_are_those_of_the_schema_and_of_milestones(described):
    table = described[2]
    assert table["lr"]["conditions"] == ["> 0"]
    assert table["lr_steps"]["conditions"] == ["ascending"]
    assert table["warm"]["conditions"] == ["epochs / 2"]
    assert table["epochs"]["conditions"] is None


def test_lines_say_when_a_parameter_is_active_and_why_it_is_searched(described):
    space, schema, _ = described
    text = "\n".join(lines(space, schema))
    assert "  active when kind = 'b' or kind is not 'a'" in text
    assert text.count("searched because: schema: automl_default_parameters") == len(NODES) - 1
    assert why(space, "betas") == "schema: automl_default_parameters"


def test_lines_end_with_what_is_left_out_and_why(described):
    space, schema, _ = described
    *_, key, reason = lines(space, schema)
    assert key == "clip"
    assert reason.startswith("  not searched: a range without finite bounds needs a default above")
