"""Parameter importance: each parameter's share of the variance of the objective."""

import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from automl.errors import UsageError, not_one_of
from automl.experiment.experiment import Experiment
from automl.files import write_json
from automl.formats import counted
from automl.space.space import SearchSpace

METHODS = ("fanova", "ped-anova")
ENOUGH = 4
"""Trials with different values that the evaluators need."""
MOST = 300
"""Trials that they get: their time grows with the square. Of more, a fixed sample is taken."""
ENOUGH_TO_DRAW = 10
"""Trials that an interval needs: a bootstrap of fewer covers much less than it says."""
FEW = 30
"""Trials below which the shares are no more than a hint."""
RESAMPLES, MOST_DRAWN, FEW_TREES, TAIL = 20, 150, 16, 0.05
"""Draws of a bootstrap, trials in each, trees of each forest, and the share left out at an end."""


def hint(experiment: Experiment) -> str:
    """Return that importances are no more than a hint where few trials have a value; else ""."""
    measured = len({reported.trial for reported in experiment.history.course})
    return f"a hint, from {counted(measured, 'trial')}" if measured < FEW else ""


def importance(
    experiment: Experiment, space: SearchSpace, *, method: str = "fanova"
) -> dict[str, float]:
    """Return each parameter's share of the variance of the objective, largest first.

    Trials count with their best value, stopped ones too; failed ones are left out. Of more than
    `MOST` trials a fixed random sample counts.

    Raises:
        UsageError: An unknown method, or too few trials that differ.
    """
    trials = _trials(experiment, space, method)
    # Not at the top: a plain training needs no Optuna.
    from automl.report.optuna_importance import optuna_importance

    if len(trials) > MOST:
        trials = random.Random(0).sample(trials, MOST)
    return optuna_importance(space, trials, method)


def importance_intervals(
    experiment: Experiment, space: SearchSpace, *, method: str = "fanova"
) -> dict[str, tuple[float, float]]:
    """Return the 90 % interval of each share, by a bootstrap over the trials.

    The shares are computed again from `RESAMPLES` draws of the trials with replacement, of at most
    `MOST_DRAWN` trials each; of fewer than `ENOUGH_TO_DRAW` trials there are none. Raises
    `UsageError` as `importance` does.
    """
    trials = _trials(experiment, space, method)
    if len(trials) < ENOUGH_TO_DRAW:
        return {}
    from automl.report.optuna_importance import optuna_importance

    drawn: dict[str, list[float]] = {}
    chance = random.Random(0)
    for _ in range(RESAMPLES):
        sample = chance.choices(trials, k=min(len(trials), MOST_DRAWN))
        if len({loss for _, loss in sample}) < 2:
            continue
        for key, share in optuna_importance(space, sample, method, trees=FEW_TREES).items():
            drawn.setdefault(key, []).append(share)
    return {key: _interval(shares) for key, shares in drawn.items()}


def load_evaluators() -> None:
    """Load what computes importances, for a second: the end of a search needs it."""
    # Whoever computes an importance meets the same error.
    with suppress(ImportError):
        import_module("automl.report.optuna_importance")


def importance_so_far(root: Path) -> dict[str, float]:
    """Return the shares of an experiment in a folder; empty if its trials are too few."""
    experiment = Experiment.load(root)
    try:
        return importance(experiment, experiment.space())
    except UsageError:
        return {}


def write_importance(experiment: Experiment, space: SearchSpace) -> None:
    """Write the shares and their intervals; raises `UsageError` as `importance` does."""
    write_json(experiment.paths.importance, importance(experiment, space))
    intervals = importance_intervals(experiment, space)
    content = {key: list(interval) for key, interval in intervals.items()}
    write_json(experiment.paths.importance_intervals, content)


def _interval(shares: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(shares)
    out = round(TAIL * (len(ordered) - 1))
    return ordered[out], ordered[-1 - out]


def _trials(
    experiment: Experiment, space: SearchSpace, method: str
) -> list[tuple[Mapping[str, Any], float]]:
    """Return values and loss of the trials that count; raises `UsageError` for too few."""
    if method not in METHODS:
        raise UsageError(not_one_of("--method", method, METHODS))
    trials: list[tuple[Mapping[str, Any], float]] = [
        (trial.values, experiment.settings.objective.loss(value))
        for trial in experiment.history.trials.values()
        if (value := experiment.value_of(trial)) is not None and trial.confirms is None
    ]
    root = experiment.paths.root
    if not space.parameters:
        raise UsageError(f"{root}: importance needs a searched parameter; there is none")
    if len(trials) < ENOUGH:
        raise UsageError(
            f"{root}: importance needs {ENOUGH} trials with a result; there are {len(trials)}"
        )
    if len({loss for _, loss in trials}) < 2:
        raise UsageError(
            f"{root}: all {len(trials)} trials have the same result: no parameter matters"
        )
    return trials
