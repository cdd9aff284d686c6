import shutil
from types import SimpleNamespace

import pytest
from toy_skill import ToySkill

from automl.errors import UsageError
from automl.request.policy import decided_policy, parse_policy
from automl.skill.info import SkillInfo, schema_path, template_path
from automl.skill.route import route


@pytest.fixture
def skill(tmp_path):
    shutil.copytree(ToySkill.folder, tmp_path / "skill")
    return SimpleNamespace(folder=tmp_path / "skill")


@pytest.mark.parametrize(
    ("word", "policy"),
    [("auto", "auto"), ("on", "auto"), ("OFF", "off"), ("off", "off"), ("false", "off"),
     (True, "auto"), (False, "off")],
)  # fmt: skip
def test_policies_are_read(word, policy):
    assert parse_policy(word) == policy


def test_an_unknown_policy_is_refused():
    with pytest.raises(UsageError, match="'of' is not one of auto, off, .*; did you mean off"):
        parse_policy("of")


@pytest.mark.parametrize(
    ("run", "file", "policy"),
    [
        ({}, {}, "auto"),
        ({"policy": "off"}, {}, "off"),
        ({"spec": {"automl_policy": False}}, {}, "off"),
        ({"spec": {"automl_enabled": False}}, {}, "off"),
        ({"policy": "on"}, {"spec": {"automl_enabled": False}}, "auto"),
        ({"request": "train it, no HPO please"}, {}, "off"),
        ({"request": "train it"}, {}, "auto"),
        ({}, {"policy": "off"}, "off"),
        ({}, {"spec": {"automl_policy": "off"}}, "off"),
        ({"policy": "on"}, {"policy": "off"}, "auto"),
        ({"request": "plain training"}, {"policy": "auto"}, "off"),
        (
            {"policy": "off", "spec": {"automl_policy": "off"}, "request": "disable AutoML"},
            {},
            "off",
        ),
    ],
)
def test_options_of_the_run_override_the_policy_of_the_file(run, file, policy):
    assert decided_policy(run, file).policy == policy


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (
            {"policy": "auto", "spec": {"automl_policy": "off"}},
            r"--policy \(auto\) and automl_policy \(off\) dis",
        ),
        (
            {"policy": "auto", "request": "no HPO"},
            r"--policy \(auto\) and --request 'no HPO' \(off\)",
        ),
    ],
)
def test_two_words_that_disagree_are_refused(options, match):
    with pytest.raises(UsageError, match=match):
        decided_policy(options, {})


def test_a_packaged_skill_is_searched_unless_the_policy_is_off(skill):
    info = SkillInfo.read(skill.folder)
    assert route("train", skill, info, "auto").way == "search"
    off = route("train", skill, info, "off")
    assert (off.way, off.is_fallback) == ("direct", False)
    assert "automl_policy is off" in off.reason


@pytest.mark.parametrize("action", ["evaluate", "inference", "export", "gen_trt_engine"])
def test_other_actions_never_go_to_automl(skill, action):
    way = route(action, skill, SkillInfo.read(skill.folder), "auto")
    assert (way.way, way.is_fallback) == ("direct", False)
    assert action in way.reason


@pytest.mark.parametrize("path_of", [schema_path, template_path])
@pytest.mark.parametrize("text", [None, "{: [", "[]", "\udcff"])
def test_without_schema_or_template_it_says_so_and_trains_plainly(skill, path_of, text):
    path = path_of(skill.folder, "train")
    if text is None:
        path.unlink()
    else:
        path.write_bytes(text.encode(errors="surrogateescape"))
    way = route("train", skill, SkillInfo.read(skill.folder), "auto")
    assert (way.way, way.is_fallback) == ("direct", True)
    assert "AutoML is enabled for toy but not runnable until its schemas" in way.reason
    assert str(path) in way.reason


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("Train it on my_data, no HPO please.", "read as --policy off: 'no HPO please'"),
        ("ohne AutoML trainieren", "read as --policy off: 'ohne AutoML trainieren'"),
        ("turn off AutoML only if there is no GPU", "AutoML is mentioned but not turned off"),
        ("should I disable AutoML?", "AutoML is mentioned but not turned off"),
        ("run AutoML on my data", None),
        ("train it", None),
    ],
)
def test_it_is_said_how_the_words_were_understood(text, note):
    found = decided_policy({"request": text}, {}).note
    assert (found is None) if note is None else (note in found)
