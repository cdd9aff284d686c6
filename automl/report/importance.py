"""Which parameters mattered, by Optuna's evaluators."""

import warnings
from collections.abc import Mapping
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator
from optuna.trial import create_trial

from automl.errors import UsageError
from automl.experiment.experiment import Experiment
from automl.space.space import Parameter, SearchSpace

METHODS = ("fanova", "ped-anova")
ENOUGH = 4
"""Trials with different values that an answer takes."""


def importance(
    experiment: Experiment, space: SearchSpace, *, method: str = "fanova"
) -> dict[str, float]:
    """Return each parameter's share of the differences in the objective, largest first.

    Trials count with their best value, stopped ones too; failed ones are left out. An inactive
    parameter counts as the middle of its range, an inactive choice as a choice of its own.

    Raises:
        UsageError: An unknown method, or too few trials that differ.
    """
    if method not in METHODS:
        raise UsageError(f"--method: {method!r} is not one of {', '.join(METHODS)}")
    found = {
        t.number: value
        for t in experiment.ledger.trials.values()
        if (value := experiment.value_of(t)) is not None and t.confirms is None
    }
    if len(found) < ENOUGH or len(set(found.values())) < 2 or not space.parameters:
        raise UsageError(
            f"{experiment.paths.root}: importance takes {ENOUGH} trials with different values of "
            f"searched parameters; there are {len(set(found.values()))}"
        )
    objective = experiment.settings.objective
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study()
    for number, value in found.items():
        values = experiment.ledger.trials[number].values
        study.add_trial(
            create_trial(
                value=objective.loss(value),
                params=_params(space, values),
                distributions={p.key: _distribution(p) for p in space.parameters.values()},
            )
        )
    evaluator = (
        FanovaImportanceEvaluator(seed=0) if method == "fanova" else PedAnovaImportanceEvaluator()
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=UserWarning)
        shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {key: float(share) for key, share in shares.items()}


def _distribution(parameter: Parameter) -> BaseDistribution:
    if parameter.choices:
        return CategoricalDistribution(range(len(parameter.choices) + 1))
    return FloatDistribution(0.0, 1.0)


def _params(space: SearchSpace, values: Mapping[str, Any]) -> dict[str, Any]:
    params: dict[str, Any] = {}
    for (key, parameter), place in zip(
        space.parameters.items(), space.encode(values).tolist(), strict=True
    ):
        if parameter.choices:
            known = [index for index, choice in enumerate(parameter.choices)
                     if key in values and choice == values[key]]  # fmt: skip
            params[key] = known[0] if known else len(parameter.choices)
        else:
            params[key] = place if key in values else 0.5
    return params
