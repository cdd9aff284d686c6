"""Configurations as `auto`'s model sees them: rows of numbers for mixed, conditional spaces."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.domain import Choices
from automl.space import Parameter, SearchSpace

Array = NDArray[np.float64]


class Features:
    """A column per number and ordered choice, one per unordered choice, one per switch.

    Numbers are places in [0, 1]. Two different unordered choices are 1 apart, as are a parameter
    that is active and one that is not; an inactive one stands in the middle of its range.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._parameters = list(space.parameters.values())
        self._unordered = [_is_unordered(p) for p in self._parameters]
        columns = [_columns(p) for p in self._parameters]
        self.groups = np.repeat(np.arange(len(columns)), columns)
        """The number of the parameter that each column belongs to."""

    def of(self, values: Mapping[str, Any]) -> Array:
        """Return the row of a configuration."""
        row: list[float] = []
        for p, is_unordered in zip(self._parameters, self._unordered, strict=True):
            is_active = p.key in values
            if is_unordered:
                assert isinstance(p.domain, Choices)
                chosen = p.domain.index_of(values[p.key]) if is_active else None
                row += [0.5**0.5 if i == chosen else 0.0 for i in range(len(p.choices))]
            else:
                row.append(p.domain.position_of(values[p.key]) if is_active else 0.5)
            if p.active_when:
                row.append(0.0 if is_active else 1.0)
        return np.array(row)


def _is_unordered(parameter: Parameter) -> bool:
    return bool(parameter.choices) and parameter.kind != "ordered"


def _columns(parameter: Parameter) -> int:
    return (len(parameter.choices) if _is_unordered(parameter) else 1) + bool(parameter.active_when)
