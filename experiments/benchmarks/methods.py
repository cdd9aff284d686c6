"""The methods by name; a rival's package is imported only when its method is asked for."""

import hashlib
import importlib
import importlib.util
from pathlib import Path

from automl.search.base import Searcher
from experiments.benchmarks.simple import SIMPLE
from experiments.benchmarks.tasks import Task

OPTUNA = [
    "optuna-tpe",
    "optuna-tpe-median",
    "optuna-tpe-halving",
    "optuna-tpe-hyperband",
    "optuna-gp",
    "optuna-gp-median",
]
RIVALS = {
    **{name: ("rival_optuna", "Optuna", "optuna") for name in OPTUNA},
    **{name: ("rival_syne_tune", "SyneTune", "syne_tune") for name in ("syne-asha", "syne-bohb")},
    **{name: ("rival_smac", "make", "smac") for name in ("smac-mf", "smac-full")},
    "dehb": ("rival_dehb", "make", "dehb"),
}
"""Method: (module here, what makes the searcher, package that it needs)."""
OURS = Path(__file__).parents[2] / "automl" / "search"
PROTOCOL = 1
"""Raised whenever clock, tasks or adapters change what a search sees: older results are void."""
NAMES = ["auto", *SIMPLE, *RIVALS]


def make_method(name: str, task: Task, *, seed: int, budget: int) -> Searcher:
    """Return a searcher; raises `ImportError` where the method's package is not installed."""
    if name == "auto":
        from experiments.benchmarks.ours import make_auto

        return make_auto(task, seed=seed, budget=budget)
    if name in SIMPLE:
        return SIMPLE[name](task, seed=seed)
    module, maker, _ = RIVALS[name]
    made = getattr(importlib.import_module(f"experiments.benchmarks.{module}"), maker)
    searcher: Searcher = made(task, seed=seed, name=name)
    return searcher


def missing_package(name: str) -> str | None:
    """Return the package that a method needs and this environment has not."""
    if name not in RIVALS:
        return None
    package = RIVALS[name][2]
    return None if importlib.util.find_spec(package) else package


def version_of(name: str) -> str:
    """Return what a cached result depends on besides the task: our code or a rival's version."""
    here = Path(__file__).parent
    if name in RIVALS:
        return f"{PROTOCOL}/{_pinned(here, RIVALS[name][2].replace('_', '-'))}"
    files = [here / "simple.py"] if name in SIMPLE else [here / "ours.py", *OURS.glob("auto*.py")]
    digest = hashlib.sha256(b"".join(f.read_bytes() for f in sorted(files))).hexdigest()
    return f"{PROTOCOL}/{digest[:12]}"


def _pinned(folder: Path, package: str) -> str:
    lines = [line for f in sorted(folder.glob("rivals*.txt")) for line in f.read_text().split("\n")]
    return next(line.split()[0] for line in lines if line.startswith(f"{package}=="))
