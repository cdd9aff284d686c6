import pytest

from automl.errors import UsageError
from automl.schema.schema import Schema
from automl.space.overlay.entry import Entry, apply_entry

SCHEMA = Schema(
    {
        "automl_disabled_parameters": ["off"],
        "properties": {
            "lr": {"type": "float", "default": 0.01, "minimum": 0, "maximum": 1,
                   "math_cond": "> depends_on", "depends_on": "other"},
            "kind": {"type": "string", "default": "a", "enum": ["a", "b"],
                     "option_weights": [1, 2]},
            "betas": {"type": "list_2", "default": [0.9, 0.99]},
            "off": {"type": "float", "default": 0.1, "minimum": 0, "maximum": 1},
            "other": {"type": "float", "default": 0.001, "minimum": 0, "maximum": 1},
        },
    }
)  # fmt: skip


def changed(key, **words):
    return apply_entry(SCHEMA, SCHEMA.fields[key], Entry(key, source="o.yaml", **words))


def test_an_entry_without_words_changes_nothing():
    assert changed("lr") == SCHEMA.fields["lr"]


def test_ends_scale_and_step_take_the_place_of_the_schemas():
    field = changed("lr", low=0.1, high=0.5, log=True, step=0.1)
    assert (field.low, field.high, field.scale, field.step) == (0.1, 0.5, "log", 0.1)
    assert (changed("betas", low=[0.8, 0.9]).lows, changed("lr", log=False).scale) == (
        (0.8, 0.9), "linear",
    )  # fmt: skip


def test_new_choices_drop_the_old_weights():
    field = changed("kind", choices=("b",))
    assert (field.choices, field.weights) == (("b",), ())
    assert changed("kind", weights=(3.0, 1.0)).weights == (3.0, 1.0)


def test_another_parent_keeps_the_comparison():
    relation = changed("lr", depends_on="off").condition.relation
    assert (relation.operator, relation.parent) == (">", "off")
    assert changed("lr", depends_on="< off").condition.relation.operator == "<"


@pytest.mark.parametrize(
    ("key", "words", "message"),
    [
        ("off", {}, "the schema disables it for AutoML; search it with override: true"),
        ("kind", {"low": 1}, "low, high, log and step are for numbers, not for type categorical"),
        ("lr", {"low": 0.1, "choices": (0.1,)}, "exclude each other"),
        ("kind", {"choices": ("a", "a")}, "name one twice"),
        ("lr", {"high": 2.0}, r"high 2 is outside \[0, 1\], the bounds of the schema"),
        ("kind", {"choices": ("z",)}, "'z' is not allowed by the schema"),
        ("lr", {"low": 0.5, "high": 0.1}, "low 0.5 is above high 0.1"),
        ("lr", {"low": 0.0, "log": True}, "a log scale needs a low end above 0, not 0"),
    ],
)
def test_what_an_entry_may_not_do_is_refused_with_its_source(key, words, message):
    with pytest.raises(UsageError, match=f"^o.yaml: {key}: .*{message}"):
        changed(key, **words)


def test_override_allows_what_the_schema_does_not():
    assert changed("lr", high=2.0, override=True).high == 2.0
    assert changed("off", override=True) == SCHEMA.fields["off"]
