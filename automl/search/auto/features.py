"""Encodes configurations of mixed, conditional spaces as rows of numbers for `auto`'s model."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.space.domain import Choices
from automl.space.space import Parameter, SearchSpace

Array = NDArray[np.float64]


class Features:
    """Rows with a column per number, ordered choice, value of an unordered choice, and condition.

    Numbers are places in [0, 1]. Two different unordered choices are 1 apart, and so are an active
    and an inactive parameter; an inactive one stands in the middle of its range.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._parameters = list(space.parameters.values())
        self._places = [_places(p) for p in self._parameters]
        columns = [_columns(p) for p in self._parameters]
        self.groups = np.repeat(np.arange(len(columns)), columns)
        """The index of each column's parameter: its columns share one length scale."""

    def of(self, values: Mapping[str, Any]) -> Array:
        """Return the row of a configuration."""
        row: list[float] = []
        for p, places in zip(self._parameters, self._places, strict=True):
            is_active = p.key in values
            if places:
                assert isinstance(p.domain, Choices)
                row += places[p.domain.index_of(values[p.key]) if is_active else -1]
            else:
                row.append(p.domain.position_of(values[p.key]) if is_active else 0.5)
            # A middle place alone would make an inactive parameter the twin of an active one there.
            if p.active_when:
                row.append(0.0 if is_active else 1.0)
        return np.array(row)


def _is_unordered(parameter: Parameter) -> bool:
    return bool(parameter.choices) and parameter.kind != "ordered"


def _places(parameter: Parameter) -> list[list[float]]:
    """Return the columns of each unordered choice, then of an inactive one; else nothing.

    One-hot rows times the root of a half are 1 apart in squared distance.
    """
    if not _is_unordered(parameter):
        return []
    count = len(parameter.choices)
    return [[0.5**0.5 if i == c else 0.0 for i in range(count)] for c in range(count + 1)]


def _columns(parameter: Parameter) -> int:
    return (len(parameter.choices) if _is_unordered(parameter) else 1) + bool(parameter.active_when)
