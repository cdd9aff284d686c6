"""Exports an experiment as a study of Optuna, which its dashboard and plots open."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, create_trial

from automl.errors import Fault, UsageError
from automl.experiment.experiment import Experiment
from automl.space.parameter import Parameter
from automl.space.space import SearchSpace
from automl.trial.trial import Report, Trial, TrialState

_STATES = {
    TrialState.COMPLETED: optuna.trial.TrialState.COMPLETE,
    TrialState.STOPPED: optuna.trial.TrialState.PRUNED,
    TrialState.PAUSED: optuna.trial.TrialState.RUNNING,
    TrialState.RUNNING: optuna.trial.TrialState.RUNNING,
    TrialState.FAILED: optuna.trial.TrialState.FAIL,
}


def export_study(experiment: Experiment, space: SearchSpace, path: Path) -> str:
    """Write all trials as a study into a new SQLite file and return the study's name.

    Raises `UsageError` if the file exists.
    """
    if path.exists():
        raise UsageError(
            Fault(f"{path}: already exists; choose another name", key="FILE", value=str(path))
        )
    if not path.parent.is_dir():
        raise UsageError(Fault(f"{path.parent}: is not a folder", key="FILE", value=str(path)))
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    objectives = experiment.settings.objectives
    directions = [
        StudyDirection.MAXIMIZE if o.mode == "max" else StudyDirection.MINIMIZE for o in objectives
    ]
    name = experiment.paths.root.resolve().name
    study = optuna.create_study(
        study_name=name, storage=f"sqlite:///{path.resolve()}", directions=directions
    )
    study.set_user_attr("objectives", [o.metric for o in objectives])
    study.set_user_attr("algorithm", experiment.settings.algorithm)
    trials = [trial for _, trial in sorted(experiment.history.trials.items())]
    distributions = {
        key: _distribution(parameter, [t.values[key] for t in trials if key in t.values])
        for key, parameter in space.parameters.items()
    }
    study.add_trials([_frozen(experiment, trial, distributions) for trial in trials])
    return name


def _frozen(
    experiment: Experiment, trial: Trial, distributions: Mapping[str, BaseDistribution]
) -> FrozenTrial:
    keys = [key for key in trial.values if key in distributions]
    best = trial.best_report(experiment.settings.objective)
    state = _STATES[trial.state]
    if state is optuna.trial.TrialState.COMPLETE and best is None:
        state = optuna.trial.TrialState.FAIL  # Every report broke a constraint.
    frozen = create_trial(
        state=state,
        values=_objectives(experiment, best) if state.name == "COMPLETE" and best else None,
        params={key: _plain(distributions[key], trial.values[key]) for key in keys},
        distributions={key: distributions[key] for key in keys},
        intermediate_values=dict(_curve(experiment, trial)),
        user_attrs={
            "trial": trial.number,
            "why": trial.reason,
            **({} if trial.failure is None else {"failure": trial.failure.to_dict()}),
        },
    )
    started = datetime.fromtimestamp(trial.started)
    frozen.datetime_start = started
    if state.is_finished():
        frozen.datetime_complete = started + timedelta(seconds=trial.seconds)
    return frozen


def _objectives(experiment: Experiment, report: Report) -> list[float]:
    return [o.measured(report.metrics) for o in experiment.settings.objectives]


def _curve(experiment: Experiment, trial: Trial) -> Iterator[tuple[int, float]]:
    """Yield the objective by epoch; Optuna takes none of a study of several objectives."""
    if len(experiment.settings.objectives) == 1:
        for report in trial.reports:
            yield report.epoch, experiment.settings.objective.measured(report.metrics)


def _distribution(parameter: Parameter, values: list[Any]) -> BaseDistribution:
    """Return the range of a parameter, wide enough for the values that trials had."""
    if parameter.choices:
        choices = dict.fromkeys(_choice(v) for v in (*parameter.choices, *values))
        return CategoricalDistribution(tuple(choices))
    low, high = min([parameter.low, *values]), max([parameter.high, *values])
    if parameter.kind == "int":
        return IntDistribution(int(low), int(high), log=parameter.is_log)
    return FloatDistribution(float(low), float(high), log=parameter.is_log)


def _plain(distribution: BaseDistribution, value: Any) -> Any:
    return _choice(value) if isinstance(distribution, CategoricalDistribution) else value


def _choice(value: Any) -> Any:
    """Return a choice as Optuna stores it: lists become texts."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
