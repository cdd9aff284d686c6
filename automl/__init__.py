"""Search a skill's hyperparameters, track every trial, promote the best one.

From Python: `automl.run(...)`, `automl.data.show(folder)` and `automl.Experiment.load(folder)`.
Their modules are loaded on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from automl.version import __version__

if TYPE_CHECKING:
    from automl.api import Experiment, iterate, run, show_leaderboard
    from automl.errors import AutomlError, RunFailed, Stopped, UsageError

__all__ = [
    "AutomlError", "Experiment", "RunFailed", "Stopped", "UsageError", "__version__", "data",
    "iterate", "run", "show_leaderboard",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "data":
        return import_module("automl.data")
    if name not in __all__:
        raise AttributeError(f"module 'automl' has no attribute {name!r}")
    return getattr(import_module("automl.api"), name)


def __dir__() -> list[str]:
    return [*__all__]
