"""An experiment as a study of Optuna."""

import json

import optuna
import pytest
from made import closed, finish, made_experiment, report, start

from automl.errors import UsageError
from automl.report.study import export_study
from automl.space.parameter import Parameter
from automl.space.space import SearchSpace
from automl.trial.objective import Objective

SPACE = SearchSpace(
    {
        "lr": Parameter("lr", "float", 0.1, low=0.01, high=1.0, is_log=True),
        "width": Parameter("width", "int", 2, low=1, high=8),
        "sizes": Parameter("sizes", "categorical", [1, 2], choices=([1, 2], [3, 4])),
    },
    {"lr": 0.1},
)
EVENTS = (
    start(0, {"lr": 0.1, "width": 2, "sizes": [1, 2]}), report(0, 1, 0.2), report(0, 2, 0.4),
    finish(0), start(1, {"lr": 2.0}), report(1, 1, 0.1), finish(1, "stopped"),
    start(2, {"lr": 0.2}), finish(2, "failed", "crashed"), closed(),
)  # fmt: skip


def test_optuna_loads_every_trial_with_its_state_values_and_curve(tmp_path):
    experiment = made_experiment(tmp_path / "exp", *EVENTS)
    assert export_study(experiment, SPACE, tmp_path / "optuna.db") == "exp"
    study = optuna.load_study(study_name="exp", storage=f"sqlite:///{tmp_path / 'optuna.db'}")
    assert [t.state.name for t in study.trials] == ["COMPLETE", "PRUNED", "FAIL"]
    assert study.best_value == 0.4 and study.trials[0].intermediate_values == {1: 0.2, 2: 0.4}
    assert study.best_params == {"lr": 0.1, "width": 2, "sizes": "[1, 2]"}
    assert study.trials[1].params == {"lr": 2.0}
    assert json.loads(json.dumps(study.trials[2].user_attrs))["failure"]["kind"] == "crashed"


def test_several_objectives_become_several_directions(tmp_path):
    objectives = (Objective("score", "max"), Objective("ms", "min"))
    events = [start(0, {"lr": 0.1}), report(0, 1, 0.2, ms=5.0), finish(0), closed()]
    experiment = made_experiment(tmp_path / "exp", *events, objectives=objectives)
    export_study(experiment, SPACE, tmp_path / "optuna.db")
    study = optuna.load_study(study_name="exp", storage=f"sqlite:///{tmp_path / 'optuna.db'}")
    assert [d.name for d in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert study.trials[0].values == [0.2, 5.0]


def test_a_file_that_exists_is_left_alone(tmp_path):
    experiment = made_experiment(tmp_path / "exp", *EVENTS)
    (tmp_path / "optuna.db").write_text("mine")
    with pytest.raises(UsageError, match="already exists"):
        export_study(experiment, SPACE, tmp_path / "optuna.db")
    assert (tmp_path / "optuna.db").read_text() == "mine"
