import copy
import json
import math
import shutil

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from paths import ROOT

from automl.errors import UsageError
from automl.request.space import SpaceRequest, space_of_skill
from automl.schema.schema import Schema
from automl.schema.spec import flatten
from automl.skill.check import check_folder
from automl.space.describe import lines, rows
from segformer.describe.schema import default

OURS = ROOT / "segformer"
TOY = ROOT / "tests" / "toy" / "toy_skill"
REAL = ("segformer", "mask2former", "cosmos-reason")
ROW = {
    "key", "type", "low", "high", "scale", "choices", "weights", "default", "active_when",
    "conditions",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    target = tmp_path / "skill"
    for name in ("schemas", "references"):
        shutil.copytree(OURS / name, target / name)
    return target


def problems(folder):
    return [str(problem) for problem in check_folder(folder).problems]


def test_our_own_skill_has_no_problem_and_all_its_parameters_are_told():
    checked = check_folder(OURS)
    assert [str(p) for p in checked.problems] == []
    told = {row["key"]: row for row in rows(checked.space, checked.schema)}
    assert set(told) == set(checked.schema.automl_defaults)
    assert all(set(row) == ROW for row in told.values())
    lr = told["train.optim.lr"]
    assert (lr["type"], lr["scale"], lr["default"]) == ("float", "log", 6e-5)
    assert lr["low"] < 6e-5 < lr["high"]


@pytest.mark.parametrize("name", REAL)
def test_every_automl_parameter_of_the_real_schemas_is_explained(name, shared):
    checked = check_folder(shared / "schemas" / name)
    assert checked.problems == []
    told = {row["key"] for row in rows(checked.space, checked.schema)}
    assert told == set(checked.schema.automl_defaults)
    text = "\n".join(lines(checked.space, checked.schema))
    assert all(key in text for key in told)
    assert text.count("searched because") == len(told)


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("references/skill_info.yaml", None, "references/skill_info.yaml: is missing"),
        ("references/skill_info.yaml", "a: b: c", "references/skill_info.yaml: is not YAML"),
        ("references/skill_info.yaml", "[]", "references/skill_info.yaml: is not a mapping"),
        ("schemas/manifest.json", None, "schemas/manifest.json: is missing"),
        ("schemas/manifest.json", "{", "schemas/manifest.json: is not JSON"),
        ("schemas/manifest.json", "{}", "schemas/manifest.json: actions: is not a mapping"),
        ("schemas/evaluate.schema.json", None, "actions.evaluate.path: schemas/evaluate"),
        ("schemas/train.schema.json", None, "train.schema.json: is missing"),
        ("schemas/train.schema.json", "{", "schemas/train.schema.json: is not JSON (line 1"),
        ("schemas/train.schema.json", "[]", "schemas/train.schema.json: is not a schema"),
        ("references/spec_template_train.yaml", None, "spec_template_train.yaml: is missing"),
        ("references/spec_template_train.yaml", "train: {optim: {lr: -1}}",
         "spec_template_train.yaml: train.optim.lr: -1 is not allowed: must be a float in (0"),
        ("references/spec_template_train.yaml", "train: {epochs: 1}",
         "spec_template_train.yaml: train.epochs: unknown key"),
        ("references/spec_template_train.yaml", "\xff\xfe",
         "spec_template_train.yaml: cannot be read (not UTF-8 text)"),
        ("references/transfer.json", None, "references/transfer.json: cannot be read (No such"),
        ("references/transfer.json", "[]", "references/transfer.json: is no table of trials"),
        ("references/transfer.json", '{"metric": "m", "mode": "min", "trials": [{"values": {}, '
         '"scores": ["low"]}]}', "transfer.json: is no table of trials"),
        ("references/transfer.json", '{"metric": "m", "mode": "min", "trials": [{"values": '
         '{"train.optim.lrr": 1}, "scores": [1]}]}',
         "transfer.json: train.optim.lrr: unknown key; did you mean train.optim.lr"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_folder_is_told_by_file_and_key(folder, name, change, problem):
    path = folder / name
    if change is None:
        path.unlink()
    else:
        path.write_text(change, encoding="latin-1")
    assert any(problem in told for told in problems(folder)), problems(folder)


@pytest.mark.parametrize(
    ("name", "text", "is_ok"),
    [
        ("schemas/manifest.json", "{}", True),
        ("references/spec_template_train.yaml", "train: {epochs: 1}", True),
        ("references/spec_template_train.yaml", "a: b: c", False),
        ("references/skill_info.yaml", "[]", False),
        ("schemas/train.schema.json", "{", False),
    ],
)
def test_what_no_run_needs_is_a_warning(folder, name, text, is_ok):
    (folder / name).write_text(text)
    checked = check_folder(folder)
    assert checked.problems and checked.is_ok == is_ok


def test_all_faults_of_a_template_and_a_manifest_are_told_at_once(folder):
    spec = {"train": {"optim": {"lr": "x", "momentum": 3}, "num_epochs": 0}}
    (folder / "references" / "spec_template_train.yaml").write_text(yaml.safe_dump(spec))
    path = folder / "schemas" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["actions"]["train"]["automl_default_parameters"].remove("train.optim.lr")
    path.write_text(json.dumps(manifest))
    told = "\n".join(problems(folder))
    for text in (
        "train.optim.lr: 'x'",
        "train.optim.momentum: 3",
        "train.num_epochs: 0",
        "actions.train.automl_default_parameters: differs from the schema in train.optim",
    ):
        assert text in told  # fmt: skip


def test_a_parameter_that_cannot_be_searched_is_told_and_the_others_stay(folder):
    path = folder / "schemas" / "train.schema.json"
    schema = json.loads(path.read_text())
    optim = schema["properties"]["train"]["properties"]["optim"]["properties"]
    optim["lr"]["math_cond"] = "about 3"
    optim["momentum"] |= {"minimum": 5, "default": 5}
    path.write_text(json.dumps(schema))
    assert "train.optim.lr: math_cond 'about 3' is not understood" in problems(folder)[0]
    del optim["lr"]["math_cond"]
    path.write_text(json.dumps(schema))
    checked = check_folder(folder)
    assert [p.key for p in checked.problems if p.file.endswith("schema.json")] == [
        "train.optim.momentum"
    ]
    assert len(rows(checked.space, checked.schema)) == 15


def test_the_defaults_that_are_read_from_our_schema_are_those_of_the_classes():
    schema = Schema.read(OURS / "schemas" / "train.schema.json")
    template = yaml.safe_load((OURS / "references" / "spec_template_train.yaml").read_text())
    assert schema.defaults() == flatten(default("train")) == flatten(template)


def test_a_folder_without_schemas_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is not a skill's folder"):
        check_folder(tmp_path)
    with pytest.raises(UsageError, match="no such folder"):
        check_folder(tmp_path / "none")


def test_the_flags_of_the_space_are_shown():
    flags = SpaceRequest(overlay="wide", fixed={"learning_rate": 1e-3})
    name, schema, space, _ = space_of_skill("segformer", flags)
    text = "\n".join(lines(space, schema))
    assert (name, "train.optim.lr" in space.parameters) == ("segformer", False)
    assert "one of 'adamw' (weight 3), 'adam' (weight 1), 'sgd' (weight 1)" in text
    assert "scale from [0.5, 1] to [1, 2]" in text
    assert "wide.yaml" in text


# No mutilated schema ends in a traceback: it is searched, or told.

JUNK = st.sampled_from(
    [None, True, "0.5", "x", "", -1, 0, 3, 1e400, math.nan, -1e400, 10**400, 1e300, [], {},
     [1, "a"], {"a": 1}, "> depends_on", "/ 0", "TRUE", ["null"], [[]]]
)  # fmt: skip
WORDS = [
    "type", "default", "minimum", "maximum", "enum", "option_weights", "math_cond", "depends_on",
    "properties", "automl_enabled", "active_when", "scale", "anyOf", "$ref", "pattern", "required",
    "exclusiveMinimum", "multipleOf", "items",
]  # fmt: skip


def nodes(node):
    yield node
    properties = node.get("properties")
    for child in properties.values() if isinstance(properties, dict) else ():
        if isinstance(child, dict):
            yield from nodes(child)


def mutilate(data, document):
    document = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(1, 6))):
        found = list(nodes(document))
        searched = [n for n in found if n.get("automl_enabled") is True] or found
        places = searched if data.draw(st.booleans()) else found
        node = places[data.draw(st.integers(0, len(places) - 1))]
        word = data.draw(st.sampled_from(sorted(node) + WORDS))
        if data.draw(st.booleans()) and word in node:
            del node[word]
        else:
            node[word] = data.draw(JUNK)
    return document


def assert_no_traceback(document, path):
    path.write_text(json.dumps(document))
    try:
        checked = check_folder(path.parent)
    except UsageError:
        return
    if checked.space is not None:
        json.dumps(rows(checked.space, checked.schema), allow_nan=False)
        list(lines(checked.space, checked.schema))
        assert list(checked.space.faults(checked.space.defaults())) == []


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_no_mutilated_schema_of_ours_ends_in_a_traceback(tmp_path, data):
    document = json.loads((OURS / "schemas" / "train.schema.json").read_text())
    assert_no_traceback(mutilate(data, document), tmp_path / "train.schema.json")


@pytest.mark.parametrize("name", REAL)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_mutilated_real_schema_ends_in_a_traceback(tmp_path, name, shared, data):
    document = json.loads((shared / "schemas" / name / "train.schema.json").read_text())
    assert_no_traceback(mutilate(data, document), tmp_path / "train.schema.json")


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(place=st.floats(0, 1), junk=st.binary(max_size=6))
def test_no_damaged_file_ends_in_a_traceback(tmp_path, place, junk):
    text = (OURS / "schemas" / "train.schema.json").read_bytes()
    cut = int(place * len(text))
    (tmp_path / "train.schema.json").write_bytes(text[:cut] + junk + text[cut + len(junk) :])
    try:
        check_folder(tmp_path)
    except UsageError:
        return
