"""The short names of an experiment's parameters, under which trackers show them."""

import math
from collections.abc import Mapping
from typing import Any

from automl.formats import short_names
from automl.space.space import SearchSpace


class ParameterNames:
    """Names that are the same in all runs of an experiment: made from the whole space.

    With `is_ranked` each begins with its place by `Parameter.rank`, `01 lr`, so that a tracker that
    sorts names by the alphabet begins with what matters most.
    """

    def __init__(self, space: SearchSpace, *, is_ranked: bool = False) -> None:
        self._names = short_names(space.parameters)
        if is_ranked:
            digits = max(2, len(str(len(self._names))))
            keys = sorted(self._names, key=lambda key: space.parameters[key].rank or math.inf)
            self._names = {
                key: f"{place:0{digits}} {self._names[key]}"
                for place, key in enumerate(keys, start=1)
            }

    def of(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values by short name; a key that the space has not keeps its own."""
        return {self._names.get(key, key): value for key, value in values.items()}
