import numpy as np
import pytest

from automl.errors import UsageError
from automl.schema.schema import Schema
from automl.schema.spec import unflatten
from automl.space.build import space_from_schema
from automl.space.describe import case_texts, lines, rows
from automl.space.overlay.named import named_choices
from automl.space.overlay.overlay import overlay_from_dict
from automl.space.space import SearchSpace

SCHEMA = Schema(
    {
        "automl_default_parameters": ["lr", "kind", "drop"],
        "properties": {
            "lr": {"type": "float", "default": 0.01, "minimum": 1e-6, "maximum": 1, "scale": "log"},
            "kind": {"type": "categorical", "default": "a", "enum": ["a", "b", "c"]},
            "path": {"type": "string", "default": ""},
            "drop": {"type": "float", "default": 0.1, "minimum": 0, "maximum": 0.5,
                     "active_when": {"kind": "b"}},
            "decay": {"type": "float", "default": 1.0, "minimum": 0, "maximum": 1},
            "child": {"type": "float", "default": 0.1, "minimum": 0, "maximum": 1,
                      "depends_on": "< lr"},
        },
    }
)  # fmt: skip
STARTS = {
    "conv": {"set": {"kind": "a", "path": "a.pth"},
             "search": {"lr": {"low": 1e-4, "high": 1e-2, "log": True, "prior": 1e-3}}},
    "former": {"set": {"kind": "b"},
               "search": {"lr": {"low": 1e-6, "high": 1e-4, "log": True, "prior": 1e-5},
                          "decay": {"low": 0.5, "high": 1.0, "prior": 0.8}}},
    "none": {"set": {"kind": "c"}, "weight": 0.5},
}  # fmt: skip


def named(starts=STARTS, **words):
    start = named_choices("start", {"choices": starts, **words}, may_override=False, source="o")
    return {"start": start.filled(SCHEMA.defaults())}


def space_of(starts=STARTS, **words):
    base = unflatten(SCHEMA.defaults())
    return space_from_schema(SCHEMA, base, named=named(starts, **words))


@pytest.fixture
def space():
    return space_of()


def test_each_name_brings_its_own_range_and_default(space):
    assert space.defaults() == {"start": "conv", "lr": 1e-3}
    bounds = {"conv": (1e-4, 1e-2), "former": (1e-6, 1e-4), "none": (1e-6, 1)}
    for values in (space.sample(np.random.default_rng(n)) for n in range(200)):
        low, high = bounds[values["start"]]
        assert low <= values["lr"] <= high
        assert ("decay" in values) == ("drop" in values) == (values["start"] == "former")
        assert not list(space.faults(values)) and "kind" not in values


def test_suggestions_go_to_the_unit_cube_and_back_through_space_yaml(space):
    again = SearchSpace.from_dict(space.to_dict(), space.base)
    for values in (space.sample(np.random.default_rng(n)) for n in range(50)):
        assert again.decode(again.encode(values)) == pytest.approx(values)
        changed = again.mutate(values, np.random.default_rng(0), scale=0.3, share=0.5)
        assert not list(again.faults(changed))
    place = dict(zip(again.parameters, again.encode({"start": "former", "lr": 1e-5}), strict=True))
    assert place["lr"] == pytest.approx(0.5)


def test_half_of_the_draws_are_near_the_prior_of_their_name(space):
    draws = [space.sample(np.random.default_rng(n)) for n in range(600)]
    places = [np.log10(v["lr"]) for v in draws if v["start"] == "former"]
    assert np.mean(np.abs(np.array(places) + 5) < 0.2) > 0.3


def test_each_name_sets_every_key_that_any_sets():
    assert named()["start"].settings["former"] == {"kind": "b", "path": ""}


def test_the_prior_names_the_first_trial_and_weights_the_draws():
    space = space_of(prior="former")
    assert space.defaults()["start"] == "former"
    assert space.parameters["start"].weights == (1.0, 1.0, 0.5)


@pytest.mark.parametrize(
    ("starts", "message"),
    [
        ({"a": {"set": {"knid": "a"}}}, "start: knid: unknown key; did you mean kind"),
        ({"a": {"set": {"lr": 1}, "search": {"lr": {}}}}, "lr: is set by start and cannot"),
        ({"a": {"search": {"lr": {"low": 0.1}}}, "b": {"search": {"lr": {"choices": [0.5]}}}},
         "lr: its ranges must be all choices, or all numbers"),
        ({"a": {"search": {"child": {}}}}, "child: depends on another key, so start cannot"),
        ({"a": {"search": {"lr": {"high": 2}}}}, "outside"),
    ],
)  # fmt: skip
def test_names_that_no_space_can_hold_are_refused(starts, message):
    with pytest.raises(UsageError, match=message):
        space_of(starts)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"choices": {"a": {"sets": {}}}}, "start: a: unknown key 'sets'; did you mean set"),
        ({"choices": {"a": {"weight": -1}}}, "weight -1 is not a number of 0 or more"),
        ({"choices": {"a": {"search": {"lr": {"fixed": 1}}}}}, "lr: fixed belongs under set"),
        ({"choices": {"a": None}}, "start: a: None is not a mapping"),
        ({"choices": {"a": {}}, "prior": "b"}, "prior 'b' is not one of a"),
        ({"choices": {"a": {}}, "low": 1}, "low: names have choices and a prior only"),
        ({"choices": {}}, "there are no choices"),
    ],
)
def test_an_overlay_names_its_faults(words, message):
    with pytest.raises(UsageError, match=message):
        overlay_from_dict({"parameters": {"start": words}}, source="o")


def test_the_ranges_of_each_name_are_described(space):
    row = next(row for row in rows(space, SCHEMA) if row["key"] == "lr")
    assert case_texts(row)[1] == (
        "with start=former: log scale from 1e-06 to 0.0001, default 1e-05, near 1e-05"
    )
    text = "\n".join(lines(space, SCHEMA, {"start": named()["start"].settings}))
    assert "  conv sets kind=a, path=a.pth" in text
