"""SKILL.md is true: its tables against skill_info.yaml, its settings against the schemas."""

import json
import re
import shlex

import pytest
import yaml

import automl.cli
import segformer.cli
from segformer.describe.schema import default
from segformer.describe.skill_info import skill_info
from segformer.skill import skill
from segformer.spec import ACTIONS, Spec
from segformer.spec.faults import leaf_keys

TEXT = (skill.folder / "SKILL.md").read_text()
SOURCES = "\n".join(
    re.sub(r'"\s*\n\s*f?"', "", path.read_text()) for path in skill.folder.rglob("*.py")
)


def tables(*columns):
    """Return the rows, without backquotes, of each table whose first columns are called so."""
    parts = TEXT.split(f"\n| {' | '.join(columns)} |")[1:]
    assert parts, f"no table begins with {columns}"
    blocks = [part.partition("\n\n")[0].splitlines()[2:] for part in parts]
    return [
        [[c.strip().replace("`", "") for c in line.strip("|").split("|")] for line in lines]
        for lines in blocks
    ]


def table(*columns):
    (rows,) = tables(*columns)
    return rows


def test_the_front_matter_names_the_skill():
    front = yaml.safe_load(TEXT.split("---")[1])
    assert front["name"] == skill.name
    for phrase in (
        "train SegFormer",
        "semantic segmentation",
        "lightweight transformer segmenter",
        "real-time semantic segmentation",
    ):
        assert f'"{phrase}"' in front["description"]


def test_the_facts_of_a_training_are_those_of_skill_info():
    told = {row[0]: row[1] for row in table("what")}
    info = skill_info()
    assert told["data format"] == info["data_format"]
    assert told["monitoring metric"] == info["objective"]["metric"]
    assert told["direction"] == info["objective"]["mode"]


def test_every_action_is_there_with_its_command():
    assert dict(table("action", "command")) == {
        a: facts["command"] for a, facts in skill_info()["actions"].items()
    }


def test_the_table_of_data_is_that_of_skill_info():
    told = {}
    for action, key, source, must in tables("action", "spec key")[0]:
        told.setdefault(action, {})[key] = (source, must)
    wanted = {}
    for action, sources in skill_info()["data_sources"].items():
        for key, facts in sources.items():
            must = "no" if facts.get("optional") else "yes"
            must = f"unless {facts['unless']}" if "unless" in facts else must
            wanted.setdefault(action, {})[key] = (facts["source"], must)
    assert told == wanted


def test_the_table_of_mappings_is_that_of_skill_info():
    told = {}
    for action, key, function, _ in tables("action", "spec key")[1]:
        told.setdefault(action, {})[key] = function
    assert told == skill_info()["spec_params"]


def test_the_short_names_are_those_of_skill_info():
    assert dict(table("short name")) == skill_info()["spec_shorthand_keys"]


def test_the_settings_have_the_defaults_that_are_told():
    for key, told, _ in [row for rows in tables("key", "default") for row in rows]:
        value = default("train")
        for part in key.split("."):
            value = value[part]
        assert told in (repr(value), yaml.safe_dump(value).splitlines()[0]), key


def test_every_key_in_the_text_is_a_field():
    known = set(leaf_keys(Spec))
    named = re.findall(rf"`((?:dataset|model|{'|'.join(ACTIONS)})\.[a-z_.]+)", TEXT)
    assert set(named) - known == {"dataset.json"}


@pytest.mark.parametrize("action", ACTIONS)
def test_the_typical_overrides_are_taken(action, tiny_data, tmp_path):
    block = re.search(r"```json\n(.*?)```", TEXT, re.S)
    given = json.loads(block[1].replace("my_data", str(tiny_data)))
    assert set(given) == set(ACTIONS)
    needed = {}
    models = [
        k for k, name in skill_info()["spec_params"][action].items() if name == "parent_model"
    ]
    for key in models[:1]:
        suffix = skill_info()["actions"][action]["inputs"][key]["suffixes"][0]
        (tmp_path / f"model{suffix}").touch()
        needed[key] = str(tmp_path / f"model{suffix}")
    spec = skill.resolve(action, {**given[action], **needed})
    assert given[action].keys() <= {*flat(spec)}


def flat(spec, prefix=""):
    for name, value in spec.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def test_the_messages_of_failures_are_in_the_program():
    kinds = set(re.findall(r'kind = "(\w+)"', SOURCES))
    for message, kind, _ in table("message"):
        assert message in SOURCES, message
        assert kind in kinds, kind


@pytest.mark.slow
def test_the_examples_run_as_they_stand(tmp_path, monkeypatch):
    programs = {"automl": automl.cli.main, "segformer": segformer.cli.main}
    block = re.search(r"```bash\n(.*?)```", TEXT, re.DOTALL)[1]
    monkeypatch.chdir(tmp_path)
    for line in block.strip().splitlines():
        # In this process, which loads torch once and not for every line.
        program, *words = shlex.split(line)
        assert programs[program](words) == 0, line
    assert (tmp_path / "out" / "export" / "model.onnx").exists()
    assert yaml.safe_load((tmp_path / "runs/plain/settings.yaml").read_text())["policy"] == "off"
    assert (tmp_path / "runs/search/promoted/model.onnx").exists()
