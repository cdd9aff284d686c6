"""Signs that a promoted model learned little, as warnings by name."""

from collections.abc import Iterator, Mapping

from automl.experiment.experiment import Experiment
from automl.formats import counted, score
from automl.skill.info import SkillInfo
from automl.trial.trial import Trial

_SHOWN = 8
"""Most classes that a warning names."""


def warnings_of(
    experiment: Experiment, trial: Trial, metrics: Mapping[str, float], info: SkillInfo
) -> list[str]:
    """Return the warnings about a trial, given the validation metrics of its checkpoint."""
    return [
        *_no_better_than_defaults(experiment, trial),
        *_no_better_than_constant(experiment, metrics, info),
        *_classes_without_hits(metrics, info),
    ]


def too_little(experiment: Experiment, metrics: Mapping[str, float], info: SkillInfo) -> str:
    """Return why a model has learned too little to become champion; "" if it has not.

    It predicts no better than one answer for everything, or never gets most classes right.
    """
    scores = class_scores(metrics, info)
    missed = _missed(scores)
    reasons = [*_no_better_than_constant(experiment, metrics, info)]
    if 2 * len(missed) > len(scores):
        reasons.append(f"{len(missed)} of {len(scores)} classes have a score of 0")
    return f"{reasons[0]}; --min-objective X makes it champion from X on" if reasons else ""


def class_scores(metrics: Mapping[str, float], info: SkillInfo) -> dict[str, float]:
    """Return the score of each class by its name; empty if the skill reports none."""
    prefix = info.quality.get("class_scores")
    if not prefix:
        return {}
    return {key.removeprefix(prefix): v for key, v in metrics.items() if key.startswith(prefix)}


def _no_better_than_defaults(experiment: Experiment, trial: Trial) -> Iterator[str]:
    """Warn of a trial that others of the search could not lift above the defaults."""
    trials = experiment.history.trials
    origin = trials[trial.number if trial.confirms is None else trial.confirms]
    default, metric = trials.get(0), experiment.settings.objective.metric
    searched = [t for t in trials.values() if t.confirms is None]
    if default is None or len(searched) < 2:
        return
    baseline, value = experiment.value_of(default), experiment.value_of(origin)
    epochs = counted(sum(t.epoch for t in searched), "epoch")
    if origin is default:
        yield f"no trial beat the defaults (trial 0000) within {epochs} of training"
    elif (
        baseline is not None
        and value is not None
        and not experiment.settings.objective.is_better(value, baseline)
    ):
        yield (
            f"trial {origin.number:04d} does not beat the defaults: {metric} {score(value)} "
            f"against {score(baseline)} of trial 0000"
        )


def _no_better_than_constant(
    experiment: Experiment, metrics: Mapping[str, float], info: SkillInfo
) -> Iterator[str]:
    """Warn of a model that scores no better than one answer for everything."""
    objective = experiment.settings.objective
    name = info.quality.get("constant", {}).get(objective.metric)
    if name is None or name not in metrics:
        return
    value = objective.measured(metrics)
    if not objective.is_better(value, metrics[name]):
        yield (
            f"{objective.metric} {score(value)} is no better than a constant prediction, which has "
            f"{score(metrics[name])}"
        )


def _missed(scores: Mapping[str, float]) -> list[str]:
    return [name for name, value in scores.items() if value == 0]


def _classes_without_hits(metrics: Mapping[str, float], info: SkillInfo) -> Iterator[str]:
    """Name the classes that the model never gets right."""
    scores = class_scores(metrics, info)
    missed = _missed(scores)
    if missed:
        more = f" and {len(missed) - _SHOWN} more" if len(missed) > _SHOWN else ""
        names = ", ".join(missed[:_SHOWN]) + more
        yield f"{len(missed)} of {len(scores)} classes have a score of 0: {names}"
