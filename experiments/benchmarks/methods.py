"""The methods by name; a rival's package is imported only for its own methods."""

import ast
import hashlib
import importlib
import importlib.util
from collections.abc import Iterable
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
    "neps-priorband": ("rival_neps", "make", "neps"),
}
"""Method: (module in this folder, factory of the searcher, package that it needs)."""
RELEASES = {"syne_tune": "syne-tune", "neps": "neural-pipeline-search"}
"""Names on the package index, where they are not those of the packages."""
HERE = Path(__file__).parent
AUTO = HERE.parents[1] / "automl" / "search" / "auto"
PROTOCOL = 1
"""Raised whenever clock, tasks or adapters change what a search sees: older results are void."""
OURS = ("auto", "auto-equal-costs")
NAMES = [*OURS, *SIMPLE, *RIVALS]


def make_method(name: str, task: Task, *, seed: int, budget: int | None) -> Searcher:
    """Return a searcher within a budget of epochs, None for one of seconds.

    Raises `ImportError` if the method's package is not installed.
    """
    if name in OURS:
        from experiments.benchmarks.ours import EqualCosts, make_auto

        auto = make_auto(task, seed=seed, budget=budget)
        return auto if name == "auto" else EqualCosts(auto)
    if name in SIMPLE:
        return SIMPLE[name](task, seed=seed)
    module, factory, _ = RIVALS[name]
    make = getattr(importlib.import_module(f"experiments.benchmarks.{module}"), factory)
    searcher: Searcher = make(task, seed=seed, name=name)
    return searcher


def missing_package(name: str) -> str | None:
    """Return the package that a method needs and this environment lacks."""
    if name not in RIVALS:
        return None
    package = RIVALS[name][2]
    return None if importlib.util.find_spec(package) else package


def version_of(name: str) -> str:
    """Return the version of a method, part of a result's key: our code or a rival's release."""
    if name in RIVALS:
        package = RIVALS[name][2]
        return f"{PROTOCOL}/{_pinned(HERE, RELEASES.get(package, package))}"
    files = [HERE / "simple.py"] if name in SIMPLE else [HERE / "ours.py", *AUTO.glob("*.py")]
    return f"{PROTOCOL}/{digest_of_code(file.read_text() for file in files)}"


def digest_of_code(modules: Iterable[str]) -> str:
    """Return a digest of modules that changes with their code alone.

    Docstrings, comments, layout, imports, and the names and places of the files are left out: to
    reword or to move a module voids no result.
    """
    codes = sorted(ast.unparse(_CodeAlone().visit(ast.parse(text))) for text in modules)
    return hashlib.sha256("\n".join(codes).encode()).hexdigest()[:12]


class _CodeAlone(ast.NodeTransformer):
    """Removes imports and strings that stand alone: docstrings of modules, names and fields."""

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return None

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else self.generic_visit(node)


def _pinned(folder: Path, package: str) -> str:
    lines = [line for f in sorted(folder.glob("rivals*.txt")) for line in f.read_text().split("\n")]
    return next(line.split()[0] for line in lines if line.startswith(f"{package}=="))
