"""The short names of an experiment's parameters, under which trackers show them."""

from collections.abc import Mapping
from typing import Any

from automl.experiment.experiment import Experiment, space_of
from automl.formats import short_names


class ParameterNames:
    """Names that are the same in all runs of an experiment: made from the whole space."""

    def __init__(self, experiment: Experiment) -> None:
        paths = experiment.paths
        is_there = paths.space.exists()
        space = space_of(paths, experiment.settings).parameters if is_there else {}
        self._names = short_names(space)

    def of(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values by short name; a key that the space has not keeps its own."""
        return {self._names.get(key, key): value for key, value in values.items()}
