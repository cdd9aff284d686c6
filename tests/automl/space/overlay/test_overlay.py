import json

import numpy as np
import pytest
import yaml
from paths import ROOT

from automl.errors import UsageError
from automl.schema.schema import Schema
from automl.schema.spec import unflatten
from automl.skill.installed import load_skill
from automl.space.build import space_from_schema
from automl.space.overlay.overlay import (
    entry_from_expression,
    overlay_from_dict,
    overlay_from_file,
    overlay_path,
)

SCHEMA = Schema(
    {
        "automl_default_parameters": ["lr", "width", "kind"],
        "automl_disabled_parameters": ["secret"],
        "properties": {
            "lr": {"type": "float", "default": 0.01, "minimum": 0, "maximum": 1},
            "width": {"type": "int", "default": 8, "minimum": 1, "maximum": 64},
            "kind": {"type": "string", "default": "a", "enum": ["a", "b", "c"]},
            "free": {"type": "string", "default": "x"},
            "on": {"type": "bool", "default": True},
            "secret": {"type": "bool", "default": True},
            "betas": {"type": "list_2", "default": [0.9, 0.999]},
        },
    }
)


def space_of(**content):
    overlay = overlay_from_dict(content, source="o.yaml")
    base = unflatten({**SCHEMA.defaults(), **overlay.fixed})
    return space_from_schema(
        SCHEMA, base, entries=overlay.entries, dropped=overlay.dropped,
        fixed=frozenset(overlay.fixed),
    )  # fmt: skip


def parameter(key, **words):
    return space_of(parameters={key: words}).parameters[key]


def test_parameters_are_added_dropped_and_fixed():
    space = space_of(drop=["kind"], parameters={"on": {}, "width": {"fixed": 16}})
    assert set(space.parameters) == {"lr", "on"}
    assert space.base["width"] == 16
    assert space.parameters["on"].why == "o.yaml"


def test_ranges_scales_and_steps_are_changed():
    p = parameter("lr", low=0.001, high=0.1, log=True)
    assert (p.low, p.high, p.is_log) == (0.001, 0.1, True)
    assert parameter("lr", log=False).is_log is False
    assert list(parameter("width", low=8, high=32, step=8).domain.numbers()) == [8, 16, 24, 32]
    assert parameter("lr", low=0.0, high=1.0, log=False, step=0.25).domain.size == 5


def test_choices_and_weights_are_changed():
    p = parameter("kind", choices=["a", "c"], weights=[3, 1])
    assert (p.choices, p.weights) == (("a", "c"), (3, 1))
    assert parameter("width", choices=[8, 32]).kind == "ordered"
    assert parameter("free", choices=["x", "y"]).choices == ("x", "y")


def test_a_range_without_the_default_starts_at_its_nearest_value_or_at_the_prior():
    assert parameter("lr", low=0.1, high=1.0, log=True).default == 0.1
    assert parameter("lr", low=0.1, high=1.0, log=True, prior=0.3).default == 0.3


def test_half_of_the_draws_are_near_a_prior():
    space = space_of(parameters={"lr": {"low": 0.0, "high": 1.0, "log": False, "prior": 0.9}})
    rng = np.random.default_rng(0)
    near = np.mean([space.sample(rng)["lr"] > 0.7 for _ in range(2000)])
    assert 0.5 < near < 0.75  # 0.3 without a prior


def test_active_when_and_depends_on_are_changed():
    space = space_of(
        parameters={
            "on": {},
            "lr": {"active_when": {"on": True}},
            "width": {"depends_on": "> lr"},
        }
    )
    rng = np.random.default_rng(0)
    samples = [space.sample(rng) for _ in range(100)]
    assert all(("lr" in v) == v["on"] for v in samples)
    assert all(v["width"] > v.get("lr", 0.01) for v in samples)


def test_the_bounds_of_the_schema_hold_unless_overridden():
    assert parameter("width", low=1, high=128, override=True).high == 128
    assert parameter("secret", override=True).choices == (False, True)
    wide = space_of(override=True, parameters={"kind": {"choices": ["a", "z"]}})
    assert wide.parameters["kind"].choices == ("a", "z")


def test_tao_ranges_are_taken_as_they_are_meant():
    space = space_of(
        custom_param_ranges={
            "lr": {"valid_min": [1e-4], "valid_max": [1e-1]},
            "width": {"valid_min": 4, "valid_max": 16, "depends_on": "> lr"},
            "kind": {"valid_options": "a, b", "option_weights": [0.9, 0.1]},
            "betas": {"valid_min": [0.8, 0.9], "valid_max": [0.95, 0.999]},
        }
    )
    found = space.parameters
    assert (found["lr"].low, found["lr"].high, found["lr"].is_log) == (1e-4, 1e-1, True)
    assert (found["width"].low, found["width"].high, str(found["width"].relation)) == (
        4,
        16,
        "> lr",
    )
    assert (found["kind"].choices, found["kind"].weights) == (("a", "b"), (0.9, 0.1))
    assert (found["betas.1"].low, found["betas.1"].high) == (0.9, 0.999)
    plain = {"lr": {"valid_min": [1e-4], "valid_max": [1e-1], "disable_list": True}}
    assert not space_of(custom_param_ranges=plain).parameters["lr"].is_log


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ([], "is not a mapping"),
        ({"paramters": {}}, "unknown key 'paramters'; did you mean parameters?"),
        ({"parameters": {"lr": {"lo": 1}}}, "lr: unknown key 'lo'; did you mean low?"),
        ({"parameters": {"lrr": {}}}, "lrr: unknown key; did you mean lr?"),
        ({"parameters": {"lr": 3}}, "lr: 3 must be a mapping"),
        ({"parameters": []}, "parameters must map keys"),
        ({"drop": "lr"}, "drop must be a list"),
        ({"drop": ["lrr"]}, "drop: lrr: unknown key; did you mean lr?"),
        ({"drop": ["lr"], "parameters": {"lr": {}}}, "lr is listed twice"),
        ({"parameters": {"lr": {"fixed": 1, "low": 0}}}, "fixed excludes other keys"),
        ({"parameters": {"lr": {"low": "x"}}}, "low 'x' is not a number"),
        ({"parameters": {"lr": {"low": float("nan")}}}, "low nan is not a number"),
        ({"parameters": {"lr": {"high": float("inf")}}}, "high inf is not finite"),
        ({"parameters": {"lr": {"low": 0.5, "high": 0.1}}}, "low 0.5 is above high 0.1"),
        ({"parameters": {"lr": {"low": 0, "high": 0.1, "log": True}}}, "needs a low end above 0"),
        ({"parameters": {"lr": {"step": 0}}}, "step 0 is not a number above 0"),
        ({"parameters": {"lr": {"log": "yes"}}}, "log 'yes' must be true or false"),
        ({"parameters": {"lr": {"choices": 3}}}, "choices must be a list"),
        ({"parameters": {"lr": {"choices": [0.1], "low": 0.1}}}, "exclude each other"),
        ({"parameters": {"lr": {"prior": 7}}}, "7 is not allowed by the schema"),
        ({"parameters": {"lr": {"low": 0.5, "high": 1, "prior": 0.1}}}, "prior 0.1 is outside"),
        ({"parameters": {"lr": {"active_when": "on"}}}, "active_when must map"),
        ({"parameters": {"width": {"high": 128}}}, r"high 128 is outside \[1, 64\], .*override"),
        ({"parameters": {"width": {"choices": [8, 8]}}}, "name one twice"),
        ({"parameters": {"kind": {"choices": ["a", "z"]}}}, "'z' is not allowed by the schema"),
        ({"parameters": {"kind": {"low": 1}}}, "low, high, log and step are for numbers"),
        ({"parameters": {"secret": {}}}, "the schema disables it.*override: true"),
        ({"parameters": {"free": {}}}, "type string cannot be searched"),
        ({"custom_param_ranges": {"lr": {"min": 1}}}, "'min'; did you mean valid_min?"),
        ({"custom_param_ranges": {"lr": {"valid_mix": 1}}}, "'valid_mix'; did you mean valid_mi"),
        (
            {"custom_param_ranges": {"lr": {"valid_min": "a"}}},
            "valid_min 'a' is not a finite number",
        ),
        ({"custom_param_ranges": {"lr": {"valid_options": 3}}}, "valid_options 3 must be a list"),
        ({"custom_param_ranges": {"lr": {"disable_list": 1}}}, "disable_list 1 must be true or"),
        ({"custom_param_ranges": {"lr": 1}}, "lr: 1 is not a mapping"),
    ],
)
def test_a_wrong_overlay_is_refused_with_the_nearest_name(content, match):
    with pytest.raises(UsageError, match=match):
        space_of(**content) if isinstance(content, dict) else overlay_from_dict(content, source="o")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("log(1e-5,1e-3)", {"low": 1e-5, "high": 1e-3, "log": True}),
        ("uniform(0, 1)", {"low": 0, "high": 1, "log": False}),
        ("uniform(8,32,8)", {"low": 8, "high": 32, "step": 8}),
        ("choice(mit_b0,mit_b1)", {"choices": ("mit_b0", "mit_b1")}),
        ("choice([1, 2], null)", {"choices": ([1, 2], None)}),
        ("auto", {"low": None, "choices": None}),
    ],
)
def test_an_expression_of_the_command_line_is_an_entry(text, expected):
    entry = entry_from_expression("k", text)
    assert {name: getattr(entry, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("lag(1,2)", "'lag\\(1,2\\)' is not understood; did you mean log?"),
        ("log(1e-3", "lacks its closing parenthesis"),
        ("log(1)", "has 1 values"),
        ("choice()", "has 0 values"),
        ("log(a,b)", "low 'a' is not a number"),
        ("1e-3", "is not understood"),
        ("choice([)", "is not a list of values"),
    ],
)
def test_a_wrong_expression_is_refused(text, match):
    with pytest.raises(UsageError, match=match):
        entry_from_expression("k", text)


SHIPPED = sorted((ROOT / "search_spaces").glob("*/*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_every_shipped_overlay_fits_the_true_schema(path):
    folder = ROOT / path.parent.name
    schema = Schema(json.loads((folder / "schemas" / "train.schema.json").read_text()))
    overlay = overlay_from_file(path)
    assert overlay.description
    schema.check_keys(overlay.fixed)
    spec = unflatten({**schema.defaults(), **overlay.fixed})
    offered = load_skill(path.parent.name).named_choices()
    entries = {key: entry for key, entry in overlay.entries.items() if key not in offered}
    space = space_from_schema(
        schema, spec, entries=entries, dropped=overlay.dropped, fixed=frozenset(overlay.fixed)
    )
    assert set(entries) <= {p if p in schema.fields else p.rpartition(".")[0]
                                    for p in space.parameters}  # fmt: skip
    rng = np.random.default_rng(0)
    assert [f for _ in range(300) for f in space.faults(space.sample(rng))] == []


def test_overlays_are_found_by_name_beside_the_skill_and_in_the_package(tmp_path):
    assert overlay_path("wide", "segformer", []) in SHIPPED
    mine = tmp_path / "mine.yaml"
    mine.write_text(yaml.safe_dump({"drop": ["lr"]}))
    assert overlay_path("mine", "any", [tmp_path]) == mine
    assert overlay_path(str(mine), "any", []) == mine
    with pytest.raises(UsageError, match="'wied' is not one of .*wide; did you mean wide?"):
        overlay_path("wied", "segformer", [])


def test_trial_0_has_the_priors_where_an_overlay_says_so():
    schema = Schema({"properties": {
        "rate": {"type": "float", "default": 0.3, "minimum": 0, "maximum": 1},
        "pair": {"type": "list_2", "default": [0.2, 0.9], "minimum": 0, "maximum": 1},
    }})  # fmt: skip
    words = {"rate": {"prior": 0.5}, "pair": {"prior": [0.4, 0.6]}}
    defaults = []
    for first in ("spec", "priors"):
        overlay = overlay_from_dict({"trial_0": first, "parameters": words}, source="o")
        space = space_from_schema(schema, unflatten(schema.defaults()), entries=overlay.entries)
        assert space.parameters["pair.1"].prior == 0.6
        defaults.append(list(space.defaults().values()))
    assert defaults == [[0.2, 0.9, 0.3], [0.4, 0.6, 0.5]]
    with pytest.raises(UsageError, match="o: trial_0 'prior' must be spec or priors"):
        overlay_from_dict({"trial_0": "prior"}, source="o")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"only_if": {"images": 200}}, "only_if: images: 200 is not a comparison such as"),
        ({"only_if": {"images": "/ 2"}}, "only_if: images: '/ 2' is not a comparison"),
        ({"only_if": ["images"]}, "only_if must map facts to comparisons"),
        ({"otherwise": 1}, "otherwise needs only_if"),
        ({"choices": {"a": {"search": {"b": {"only_if": {}}}}}}, "only_if has no effect beside"),
    ],
)
def test_conditions_on_the_data_that_are_none_are_refused(words, message):
    with pytest.raises(UsageError, match=message):
        overlay_from_dict({"parameters": {"k": words}}, source="o")


@pytest.mark.parametrize("text", ["{", "a: b: c", "\x00"])
def test_a_broken_overlay_file_is_named(tmp_path, text):
    path = tmp_path / "o.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match="o.yaml: is not YAML"):
        overlay_from_file(path)
    with pytest.raises(UsageError, match="cannot be read"):
        overlay_from_file(tmp_path / "none.yaml")
