"""What every kind of skill owes automl: an installed one in process, and a folder with commands."""

import numpy as np
import pytest
from paths import LOGISTIC

from automl.errors import UsageError
from automl.schema.schema import Schema
from automl.schema.spec import flatten, unflatten
from automl.skill.failures import failure_from_error, faults_of_the_user
from automl.skill.info import schema_path
from automl.skill.installed import load_skill

TRAINED = ["toy", "command"]
ALL = [*TRAINED, "segformer"]


@pytest.fixture
def skill(request):
    return load_skill(str(LOGISTIC) if request.param == "command" else request.param)


@pytest.fixture
def data(tmp_path):
    """Return a folder that each skill which is trained here takes."""
    folder = tmp_path / "data"
    folder.mkdir()
    draw = np.random.default_rng(0)
    points = draw.normal(size=(60, 2))
    labels = points @ [2.0, -1.0] > 0
    np.savetxt(folder / "points.csv", np.c_[points, labels], delimiter=",")
    return folder


def spec_of(skill, data, **train):
    values = {f"train.{key}": value for key, value in train.items()}
    return skill.resolve("train", {skill.info.data_key: str(data), **values})


@pytest.mark.parametrize("skill", ALL, indirect=True)
def test_its_facts_name_keys_of_its_schema(skill):
    info = skill.info
    schema = Schema.read(schema_path(skill.folder, "train"))
    assert {info.epochs_key, info.data_key} <= set(schema.fields)
    assert info.objective.mode in ("max", "min") and info.name


@pytest.mark.parametrize("skill", ALL, indirect=True)
def test_a_resolved_spec_has_the_overrides_over_the_defaults(skill, data):
    if skill.name == "segformer":
        skill.sample(data / "sample", seed=0)
        data = data / "sample"
    spec = flatten(skill.resolve("train", {skill.info.data_key: str(data),
                                           skill.info.epochs_key: 2}))  # fmt: skip
    assert spec[skill.info.epochs_key] == 2
    assert spec[skill.info.data_key] == str(data)
    assert flatten(unflatten(spec)) == spec


@pytest.mark.parametrize("skill", ALL, indirect=True)
def test_data_that_is_not_there_is_the_users_mistake(skill, tmp_path):
    with pytest.raises(UsageError, match="gone"), faults_of_the_user():
        skill.check(spec_of(skill, tmp_path / "gone"))


@pytest.mark.parametrize("skill", TRAINED, indirect=True)
def test_each_epoch_is_reported_once_with_the_objective(skill, data, tmp_path):
    reports = []
    skill.run("train", spec_of(skill, data, epochs=3), tmp_path / "out",
              lambda epoch, metrics: reports.append((epoch, metrics)) or "continue")  # fmt: skip
    assert [epoch for epoch, _ in reports] == [1, 2, 3]
    assert all(skill.info.objective.metric in metrics for _, metrics in reports)


@pytest.mark.parametrize("skill", TRAINED, indirect=True)
@pytest.mark.parametrize("answer", ["stop", "pause"])
def test_it_ends_on_the_answer_and_continues_in_the_same_folder(skill, data, tmp_path, answer):
    pause = {"pause_s": 0.3} if skill.name == "logistic" else {}
    spec = spec_of(skill, data, epochs=4, **pause)
    first, second = [], []

    def pausing(epoch, metrics):
        first.append(epoch)
        return answer if epoch == 2 else "continue"

    def continuing(epoch, metrics):
        second.append(epoch)
        return "continue"

    skill.run("train", spec, tmp_path / "out", pausing)
    skill.run("train", spec, tmp_path / "out", continuing)
    assert first == [1, 2]
    assert second == [2, 3, 4]


@pytest.mark.parametrize("skill", TRAINED, indirect=True)
@pytest.mark.parametrize("fail", ["memory"])
def test_out_of_memory_is_told_apart_from_a_crash(skill, data, tmp_path, fail):
    with pytest.raises(Exception, match="memory|room") as caught:
        skill.run("train", spec_of(skill, data, fail=fail), tmp_path / "out")
    assert failure_from_error(caught.value).kind == "out_of_memory"
