"""Parameter importance: each parameter's share of the variance of the objective."""

import random

from automl.errors import UsageError, not_one_of
from automl.experiment.experiment import Experiment
from automl.space.space import SearchSpace

METHODS = ("fanova", "ped-anova")
ENOUGH = 4
"""Trials with different values that the evaluators need."""
MOST = 300
"""Trials that they get: their time grows with the square. Of more, a fixed sample is taken."""


def importance(
    experiment: Experiment, space: SearchSpace, *, method: str = "fanova"
) -> dict[str, float]:
    """Return each parameter's share of the variance of the objective, largest first.

    Trials count with their best value, stopped ones too; failed ones are left out. Of more than
    `MOST` trials a fixed random sample counts.

    Raises:
        UsageError: An unknown method, or too few trials that differ.
    """
    if method not in METHODS:
        raise UsageError(not_one_of("--method", method, METHODS))
    trials = [
        (trial.values, experiment.settings.objective.loss(value))
        for trial in experiment.history.trials.values()
        if (value := experiment.value_of(trial)) is not None and trial.confirms is None
    ]
    different = len({loss for _, loss in trials})
    if len(trials) < ENOUGH or different < 2 or not space.parameters:
        raise UsageError(
            f"{experiment.paths.root}: importance needs {ENOUGH} trials with different values of "
            f"searched parameters; there are {different}"
        )
    # Not at the top: a plain training needs no Optuna.
    from automl.report.optuna_importance import optuna_importance

    if len(trials) > MOST:
        trials = random.Random(0).sample(trials, MOST)
    return optuna_importance(space, trials, method)
