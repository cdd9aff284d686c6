"""Checks of a plan that need neither schema nor data: what is installed, and the new folder."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from netrc import NetrcParseError, netrc
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from automl.errors import Fault, UsageError, not_one_of
from automl.experiment.paths import ExperimentPaths
from automl.files import check_new_folder
from automl.promotion.gates import (
    PromotionRequest,
    check_conversions,
    check_qat,
    check_refinements,
)
from automl.request.request import Request
from automl.request.space import SpaceRequest
from automl.skill.info import SkillInfo
from automl.skill.route import Route
from automl.version import install_command

_LIBRARIES = {"search": "optuna", "ray": "ray", "mlflow": "mlflow", "tensorboard": "tensorboardX",
              "wandb": "wandb"}  # fmt: skip
"""The library of each extra that a run may need."""
_WANDB = "https://api.wandb.ai"


def check_no_leaks(data: Mapping[str, Any], skill: str) -> None:
    """Raise `UsageError` if a skill's check of the data has found images that show the same."""
    if "leaks" not in data:
        raise UsageError(f"--strict-data: {skill} does not compare the images of its data")
    if data["leaks"]:
        raise UsageError(
            f"--strict-data: {data['leaks']}; automl data show lists the pairs, automl data split "
            "keeps them together"
        )


def check_installed(*extras: str | None) -> None:
    """Raise `UsageError` naming the extras whose library is not installed."""
    faults = [
        f"{library} is not installed; install it with: {install_command(extra)}"
        for extra, library in _LIBRARIES.items()
        if extra in extras and find_spec(library) is None
    ]
    if faults:
        raise UsageError(*faults)


def check_signed_in(trackers: Sequence[str]) -> None:
    """Raise `UsageError` where Weights & Biases would ask for a key, or fail without one."""
    if "wandb" not in trackers or os.environ.get("WANDB_MODE") in ("offline", "disabled"):
        return
    host = urlsplit(os.environ.get("WANDB_BASE_URL") or _WANDB).hostname or ""
    try:
        has_login = netrc().authenticators(host) is not None
    except (OSError, NetrcParseError):
        has_login = False
    if not (has_login or os.environ.get("WANDB_API_KEY")):
        raise UsageError(
            f"--tracker wandb: nobody is signed in to {host}; run wandb login, or set "
            "WANDB_MODE=offline to keep the runs on this machine"
        )


def check_is_new(paths: ExperimentPaths) -> None:
    """Raise `UsageError` if the experiment's folder holds anything.

    What a run that was killed at its very beginning left does not count: it is written over.
    """
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
    check_new_folder(root, "--out", beginnings=paths.beginnings())


def make_folder(root: Path) -> None:
    """Create the experiment's folder; raises `UsageError` if that is not possible."""
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out: {root} cannot be created ({error.strerror})") from error


def check_promotion(request: Request, info: SkillInfo) -> None:
    """Raise `UsageError` for models that are unknown or that the skill cannot make, and limits."""
    if request.refine not in ("on", "off"):
        raise UsageError(not_one_of("--refine", request.refine, ("on", "off")))
    PromotionRequest(to=request.to, min_objective=request.min_objective, qat=request.qat)
    if request.refine == "on":
        check_refinements(info)
    if request.qat:
        check_qat(info)
    check_conversions(request.to, info)


def fitted_to_plain_training(request: Request, route: Route) -> tuple[Request, list[str]]:
    """Return a request without the options that only a search uses, and a note that names them.

    Raises `UsageError` for them if the request itself turns the search off.
    """
    search = request.search
    options = {
        "--space": request.space.overlay,
        "--search": ", ".join(f"{key}={text}" for key, text in request.space.searched.items()),
        "--budget-epochs": search.budget_epochs,
        "--time": search.time,
        "--budget-cost": search.budget_cost,
        "--price-per-hour": search.price_per_hour,
        "--confirm-seeds": search.confirm_seeds or None,
        "--warm-start": search.warm_start,
        "--objective": ", ".join(search.objectives),
        "--constraint": ", ".join(search.constraints),
        "--trials": None if search.trials == 1 else search.trials,
    }
    used = {flag: value for flag, value in options.items() if value not in (None, "")}
    if not used:
        return request, []
    if request.policy == "off":
        raise UsageError(
            *(
                Fault(f"{flag}: {value} has no effect on a {route.reason}", key=flag, value=value)
                for flag, value in used.items()
            )
        )
    fitted = replace(
        request,
        space=SpaceRequest(fixed=request.space.fixed),
        search=replace(
            search, budget_epochs=None, time=None, budget_cost=None, price_per_hour=None,
            confirm_seeds=0, warm_start=None, objectives=(), constraints=(), trials=None,
        ),
    )  # fmt: skip
    verb = "has" if len(used) == 1 else "have"
    return fitted, [f"{', '.join(used)} {verb} no effect on a plain training"]
