from pathlib import Path

import pytest
from toy_skill import ToyError, ToySkill

from automl.errors import UsageError
from automl.skill.entry_points import installed_skills
from automl.skill.failures import faults_of_the_user
from automl.skill.info import SkillInfo
from automl.skill.installed import lasting_name, load_skill, only_skill, skill_of_model
from segformer.model.saved import ModelRecord, write_safetensors
from segformer.spec import Spec


def test_installed_skills_load_by_name():
    assert load_skill("toy").name == "toy"


def test_a_loaded_skill_carries_its_facts_whether_installed_or_a_folder():
    installed = load_skill("toy")
    assert installed.info == SkillInfo.read(ToySkill.folder)
    folder = Path(__file__).parents[2] / "logistic"
    assert load_skill(str(folder)).info == SkillInfo.read(folder)


def test_an_unknown_skill_gets_the_nearest_name():
    with pytest.raises(UsageError, match="'tooy' is not installed; did you mean toy"):
        load_skill("tooy")


def test_with_two_skills_one_has_to_be_named():
    with pytest.raises(UsageError, match="--skill: give one of"):
        only_skill()


def test_the_skill_that_wrote_a_model_is_found(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"no model")
    with pytest.raises(UsageError, match="--skill: give one of"):
        skill_of_model(tmp_path / "x.onnx")
    spec = Spec()
    write_safetensors(
        tmp_path / "x.safetensors", ModelRecord.of(spec).build(), ModelRecord.of(spec)
    )
    assert skill_of_model(tmp_path / "x.safetensors") == "segformer"


def test_the_facts_of_a_skill_are_read():
    info = SkillInfo.read(ToySkill.folder)
    assert info.data_key == "data.root"
    assert info.key_of("export", "create_onnx_file") == "export.onnx"
    with pytest.raises(UsageError, match="spec_params of train map no key to parent_model"):
        info.key_of("train", "parent_model")


def test_an_incomplete_skill_info_is_named(tmp_path):
    (tmp_path / "references").mkdir()
    (tmp_path / "references" / "skill_info.yaml").write_text("name: x\n")
    with pytest.raises(UsageError, match=r"not a complete skill_info.yaml \('automl_enabled'\)"):
        SkillInfo.read(tmp_path)
    with pytest.raises(UsageError, match="cannot be read"):
        SkillInfo.read(tmp_path / "no")


def test_only_the_users_faults_become_usage_errors():
    with pytest.raises(UsageError, match="bad masks"), faults_of_the_user():
        raise ToyError("bad_data", "bad masks")
    with pytest.raises(ToyError, match="memory"), faults_of_the_user():
        raise ToyError("out_of_memory", "memory")
    with pytest.raises(ZeroDivisionError), faults_of_the_user():
        1 / 0  # noqa: B018


@pytest.mark.parametrize("name", ["toy", "Toy", "tao-train-toy", "TAO-Train-Toy"])
def test_a_skill_is_found_in_any_case_and_by_the_name_of_taos_folder(name):
    assert load_skill(name) == load_skill("toy")
    assert lasting_name(name) == "toy"


def test_a_folder_of_taos_name_is_meant_before_the_skill_that_the_name_stands_for(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert lasting_name("tao-train-toy") == "toy"
    (tmp_path / "tao-train-toy").mkdir()
    (tmp_path / "toy").mkdir()
    assert lasting_name("tao-train-toy") == str(tmp_path / "tao-train-toy")
    assert lasting_name("toy") == "toy"


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("actions: {train: 5}", "actions: 5 is not allowed: must be a mapping"),
        ("data_sources: {train: here}", "data_sources: 'here' is not allowed: must be a mapping"),
        ("data_sources: {train: {data.root: a}}", "data_sources: 'a' is not allowed"),
        ("spec_params: [1]", "is not|must be a mapping"),
        ("seed_key: [1]", r"seed_key: \[1\] is not allowed: must be a key"),
        ("objective: {metric: 5, mode: max}", "objective: metric 5 is not the name of a metric"),
        ("epochs_key: [1]", r"epochs_key: \[1\] is not allowed: must be a key"),
        ("objective: [1]", "is not a complete skill_info.yaml"),
    ],
)
def test_facts_of_a_wrong_kind_are_a_line(tmp_path, line, match):
    (tmp_path / "references").mkdir()
    path = tmp_path / "references" / "skill_info.yaml"
    path.write_text(f"name: bad\nautoml_enabled: true\n{line}\n")
    with pytest.raises(UsageError, match=match):
        SkillInfo.read(tmp_path)


def test_a_skill_that_is_installed_while_the_process_runs_is_found(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    assert "late" not in installed_skills()
    package = tmp_path / "late-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: late\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[automl.skills]\nlate = toy_skill:skill\n")
    assert installed_skills()["late"].value == "toy_skill:skill"
