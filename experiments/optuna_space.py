"""Our spaces as Optuna draws from them, for the comparisons with it."""

from collections.abc import Mapping
from typing import Any

import optuna

from automl.search.proposers.optuna import param_from_value, value_from_param
from automl.space.space import SearchSpace


def suggest(trial: optuna.Trial, space: SearchSpace) -> None:
    """Draw the parameters of a trial, by Optuna's define-by-run interface.

    Ray Tune sees only what is drawn by methods whose names begin with `suggest_`.
    """
    values: dict[str, Any] = {}
    for parameter in space.parameters.values():
        if space.is_active(parameter, values):
            param: float
            if parameter.is_nominal:
                places = range(len(parameter.choices))
                param = trial.suggest_categorical(parameter.key, places)
            else:
                param = trial.suggest_float(parameter.key, 0.0, 1.0)
            domain = space.domain(parameter, values)
            values[parameter.key] = value_from_param(parameter, domain, param)


def params_of(space: SearchSpace, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return Optuna's parameters for values."""
    parameters = space.parameters
    return {
        key: param_from_value(parameters[key], space.domain(parameters[key], values), value)
        for key, value in values.items()
    }


def values_of(space: SearchSpace, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of Optuna's parameters; the inverse of `params_of`."""
    values: dict[str, Any] = {}
    for key, parameter in space.parameters.items():
        if key in params:
            domain = space.domain(parameter, values)
            values[key] = value_from_param(parameter, domain, params[key])
    return values
