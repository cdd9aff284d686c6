"""Importance of parameters by Optuna's evaluators."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator
from optuna.trial import create_trial

from automl.space.space import Parameter, SearchSpace


def optuna_importance(
    space: SearchSpace,
    trials: Sequence[tuple[Mapping[str, Any], float]],
    method: str,
    *,
    trees: int = 64,
) -> dict[str, float]:
    """Return each parameter's share, largest first, from the values and losses of trials.

    An inactive parameter counts as the middle of its range, an inactive choice as a choice of its
    own. `trees` are those of fANOVA's forest.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study()
    distributions = {p.key: _distribution(p) for p in space.parameters.values()}
    for values, loss in trials:
        params = _params(space, values)
        study.add_trial(create_trial(value=loss, params=params, distributions=distributions))
    evaluator = (
        FanovaImportanceEvaluator(n_trees=trees, seed=0)
        if method == "fanova"
        else PedAnovaImportanceEvaluator()
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
