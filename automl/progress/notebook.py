"""A leaderboard that grows in a notebook while a search runs: a callback of `automl.run`."""

from typing import Any

from automl.errors import UsageError, not_allowed
from automl.experiment.experiment import Experiment

_handles: dict[str, Any] = {}


def show_leaderboard(experiment: Any) -> None:
    """Show an experiment's leaderboard in a notebook, in place of the one before.

    Raises `UsageError` for anything else, and outside a notebook's libraries.
    """
    if not isinstance(experiment, Experiment):
        raise UsageError(not_allowed("experiment", experiment, "an experiment, as automl.run's"))
    try:
        from IPython.display import display
    except ModuleNotFoundError:
        raise UsageError("show_leaderboard needs IPython; use it in a notebook") from None
    key = str(experiment.paths.root)
    if key not in _handles:
        _handles[key] = display(experiment, display_id=True)  # type: ignore[no-untyped-call]
    elif _handles[key] is not None:
        _handles[key].update(experiment)
