"""The figures of the report by name, as plotly's plain data."""

from collections.abc import Callable, Mapping
from typing import Any

from automl.errors import UsageError, not_one_of
from automl.experiment.experiment import Experiment
from automl.report.importance import importance, importance_intervals
from automl.report.page import charts, distribution, importances, space_charts
from automl.report.page.parallel import parallel
from automl.report.page.timeline import points
from automl.space.space import SearchSpace

_FIGURES: Mapping[str, Callable[[Experiment, SearchSpace], dict[str, Any]]] = {
    "progress": lambda e, space: charts.progress(e, points(e)),
    "curves": lambda e, space: charts.curves(e, e.state),
    "importance": lambda e, space: importances.chart(
        importance(e, space), importance_intervals(e, space)
    ),
    "parallel": parallel,
    "slices": lambda e, space: space_charts.slices(e, space, e.state),
    "distribution": lambda e, space: distribution.chart(e),
    "front": lambda e, space: charts.fronts(e),
}
FIGURES = tuple(_FIGURES)


def figure(experiment: Experiment, space: SearchSpace, name: str) -> dict[str, Any]:
    """Return a figure of the report.

    Raises `UsageError` for another name, and if there is too little to draw.
    """
    if name not in _FIGURES:
        raise UsageError(not_one_of("figure", name, FIGURES))
    of_space = name in ("parallel", "slices")
    if experiment.best is None or (of_space and not space.parameters):
        raise UsageError(f"{experiment.paths.root}: has nothing to draw in {name} yet")
    if name == "front" and len(experiment.settings.objectives) < 2:
        raise UsageError(f"{experiment.paths.root}: has one objective, and so no front")
    return _FIGURES[name](experiment, space)
