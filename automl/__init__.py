"""Search a skill's hyperparameters, track every trial, promote the best one.

From Python: `automl.run(...)`, `automl.data.show(folder)` and `automl.Experiment.load(folder)`.
Their modules are loaded on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from automl.version import __version__

if TYPE_CHECKING:
    from automl.api import data
    from automl.api.experiment import Experiment
    from automl.api.runs import iterate, run
    from automl.errors import AutomlError, RunFailed, Stopped, UsageError
    from automl.progress.notebook import show_leaderboard

_HOMES = {
    "automl.api.experiment": ("Experiment",),
    "automl.api.runs": ("iterate", "run"),
    "automl.errors": ("AutomlError", "RunFailed", "Stopped", "UsageError"),
    "automl.progress.notebook": ("show_leaderboard",),
}

__all__ = [
    "AutomlError", "Experiment", "RunFailed", "Stopped", "UsageError", "__version__", "data",
    "iterate", "run", "show_leaderboard",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "data":
        return import_module("automl.api.data")
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'automl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__]
