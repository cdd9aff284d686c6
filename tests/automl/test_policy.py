import shutil
from types import SimpleNamespace

import pytest
from toy_skill import ToySkill

from automl.errors import UsageError
from automl.policy import parse_policy, route
from automl.skill import SkillInfo, schema_path, template_path


@pytest.fixture
def skill(tmp_path):
    shutil.copytree(ToySkill.folder, tmp_path / "skill")
    return SimpleNamespace(folder=tmp_path / "skill")


@pytest.mark.parametrize(
    ("text", "policy"),
    [("auto", "auto"), ("on", "auto"), ("OFF", "off"), ("off", "off"), ("false", "off")],
)
def test_policies_are_read(text, policy):
    assert parse_policy(text) == policy


def test_an_unknown_policy_is_refused():
    with pytest.raises(UsageError, match="'of' is not one of auto, off; did you mean off"):
        parse_policy("of")


def test_a_packaged_skill_is_searched_unless_the_policy_is_off(skill):
    info = SkillInfo.read(skill.folder)
    assert route(skill, info, "auto").is_search
    assert not route(skill, info, "off").is_search


@pytest.mark.parametrize("path_of", [schema_path, template_path])
@pytest.mark.parametrize("text", [None, "{: ["])
def test_without_schema_or_template_it_says_so_and_trains_plainly(skill, path_of, text):
    path = path_of(skill.folder, "train")
    path.unlink() if text is None else path.write_text(text)
    way = route(skill, SkillInfo.read(skill.folder), "auto")
    assert not way.is_search
    assert "AutoML is enabled for toy but not runnable until its schemas" in way.reason
