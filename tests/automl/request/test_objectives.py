from dataclasses import replace

import pytest

from automl.errors import UsageError
from automl.request.objectives import resolved_objectives
from automl.skill.info import SkillInfo
from automl.skill.installed import load_skill
from automl.trial.objective import Constraint, Objective


@pytest.fixture
def info():
    """Return the facts of a skill with a table of its metrics."""
    table = {"score": {"mode": "max", "unit": "share"}, "loss": {"mode": "min"}, "other": {}}
    return replace(load_skill("toy").info, metrics=table)


@pytest.mark.parametrize("text", ["loss", "loss:min"])
def test_a_metric_of_the_table_has_its_direction(info, text):
    objectives = resolved_objectives(("score", text), (), info)
    assert objectives == (Objective("score", "max"), Objective("loss", "min"))


def test_the_skills_own_objective_comes_first_and_each_has_the_constraints(info):
    first, second = resolved_objectives(("latency_ms", "score"), ("latency_ms<=20",), info)
    assert (first.metric, second.metric) == ("score", "latency_ms")
    assert first.constraints == second.constraints == (Constraint.parse("latency_ms<=20"),)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("other", "--objective other: add its direction, other:max or other:min"),
        (
            "scor",
            r"'scor' is not measured; did you mean score\?; there are score \(max\), loss \(m",
        ),
        ("score:up", "the direction 'up' is not one of max, min"),
    ],
)
def test_another_metric_is_refused_with_the_table(info, text, match):
    with pytest.raises(UsageError, match=match):
        resolved_objectives((text,), (), info)


def test_segformer_knows_the_direction_and_unit_of_each_metric():
    metrics = load_skill("segformer").info.metrics
    assert metrics["val_miou"] == {"mode": "max", "unit": "share"}
    assert {name for name, facts in metrics.items() if facts["mode"] == "min"} == {
        "train_loss", "val_loss",
    }  # fmt: skip


def test_a_plain_list_of_metrics_has_no_directions(tmp_path):
    (tmp_path / "references").mkdir()
    path = tmp_path / "references" / "skill_info.yaml"
    path.write_text("{name: x, automl_enabled: true, metrics: [a, b]}")
    assert SkillInfo.read(tmp_path).metrics == {"a": {}, "b": {}}


def test_a_misspelt_objective_of_a_skill_without_a_table_is_named(tmp_path):
    (tmp_path / "references").mkdir()
    (tmp_path / "references" / "skill_info.yaml").write_text(
        "{name: x, automl_enabled: true, objective: {metric: error, mode: min}}"
    )
    info = SkillInfo.read(tmp_path)
    with pytest.raises(UsageError, match=r"must be one of them.*; did you mean error\?$") as caught:
        resolved_objectives(("eror:min",), (), info)
    assert (caught.value.faults[0].key, caught.value.faults[0].nearest) == ("--objective", "error")
