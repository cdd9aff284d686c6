"""Checks of a plan that need neither schema nor data: what is installed, and the new folder."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from automl.errors import Fault, UsageError
from automl.experiment.paths import ExperimentPaths
from automl.promotion.gates import PromotionRequest, check_conversions
from automl.request.search import SearchRequest
from automl.request.space import SpaceRequest
from automl.skill.info import SkillInfo
from automl.skill.route import Route

_LIBRARIES = {"search": "optuna", "ray": "ray", "mlflow": "mlflow"}
"""The library of each extra that a run may need."""


def check_installed(*extras: str | None) -> None:
    """Raise `UsageError` naming the extras whose library is not installed."""
    faults = [
        f"{library} is not installed; install it with: pip install -e '.[{extra}]'"
        for extra, library in _LIBRARIES.items()
        if extra in extras and find_spec(library) is None
    ]
    if faults:
        raise UsageError(*faults)


def check_is_new(paths: ExperimentPaths) -> None:
    """Raise `UsageError` if the experiment's folder holds anything."""
    root = paths.root
    if paths.exists():
        text = f"--out: {root} already holds an experiment; resume it with: automl resume {root}, "
        raise UsageError(
            Fault(
                f"{text}or choose another folder",
                key="--out",
                value=str(root),
                next=f"automl resume {root}",
            )  # fmt: skip
        )
    if files := [parent for parent in root.parents if parent.is_file()]:
        raise UsageError(f"--out: {root} cannot be a folder: {files[0]} is a file")
    if root.is_file() or (root.is_dir() and any(root.iterdir())):
        raise UsageError(f"--out: {root} is not empty; choose a new folder")


def make_folder(root: Path) -> None:
    """Create the experiment's folder; raises `UsageError` if that is not possible."""
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out: {root} cannot be created ({error.strerror})") from error


def check_targets(to: Iterable[str], info: SkillInfo) -> None:
    """Raise `UsageError` for models that are unknown or that the skill cannot make."""
    PromotionRequest(to=tuple(to))
    check_conversions(to, info)


def check_fits_plain_training(route: Route, search: SearchRequest, space: SpaceRequest) -> None:
    """Raise `UsageError` for options that only a search uses."""
    if flags := space.used():
        raise UsageError(f"{' and '.join(flags)} have no use here: {route.reason}")
    options = {
        "--budget-epochs": search.budget_epochs,
        "--time": search.time,
        "--confirm-seeds": search.confirm_seeds or None,
        "--warm-start": search.warm_start,
        "--objective": ", ".join(search.objectives) or None,
        "--constraint": ", ".join(search.constraints) or None,
        "--trials": None if search.trials == 1 else search.trials,
    }
    faults = [
        f"{flag}: {value} has no use here: {route.reason}"
        for flag, value in options.items()
        if value is not None
    ]
    if faults:
        raise UsageError(*faults)
