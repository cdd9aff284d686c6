"""Our spaces as Optuna draws from them, for the comparisons with it."""

from collections.abc import Mapping
from typing import Any

import optuna

from automl.search.proposers.optuna import (
    distribution_from_parameter,
    param_from_value,
    value_from_param,
)
from automl.space.space import SearchSpace


def suggest(trial: optuna.Trial, space: SearchSpace) -> None:
    """Draw the parameters of a trial, by Optuna's define-by-run interface."""
    values: dict[str, Any] = {}
    for parameter in space.parameters.values():
        if space.is_active(parameter, values):
            param = trial._suggest(parameter.key, distribution_from_parameter(parameter))
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
