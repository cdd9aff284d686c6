r"""Real trainings: our search against random search and Optuna's TPE with its median pruner.

    python -m experiments.real_training --data DIR --budget-epochs 60 --epochs 20 --seeds 3 \
        --methods auto,random,optuna model.backbone.type=mit_b0 dataset.segment.img_size=64 \
        dataset.segment.batch_size=4

Every method trains the same number of epochs in all, over the same space. Each seed is one search.
Prints one JSON object: the best val_miou of each search, and mean and 95 % interval (of Student's
t) by method.
"""

import argparse
import json
import math
import shutil
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
from scipy.stats import t as student

from automl.schema.schema import Schema
from automl.schema.spec import parse_assignments, with_values
from automl.search.algorithms import make_searcher
from automl.search.proposers.optuna import suggested
from automl.skill.info import schema_path
from automl.skill.installed import load_skill
from automl.space.build import space_from_schema
from automl.space.space import SearchSpace
from automl.trial.budget import UNLIMITED, Budget
from automl.trial.moves import Done, Start
from automl.trial.trial import Decision, Outcome

SKILL = "segformer"


class Bench:
    """Trains one configuration after another in a folder and counts the epochs."""

    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self.skill = load_skill(SKILL)
        self.objective = self.skill.info.objective
        overrides = {
            "dataset.segment.root_dir": str(arguments.data.resolve()),
            "train.num_epochs": arguments.epochs,
            **parse_assignments(arguments.overrides),
        }
        self.spec = self.skill.resolve("train", overrides)
        schema = Schema.read(schema_path(self.skill.folder, "train"))
        self.space: SearchSpace = space_from_schema(schema, self.spec, fixed=frozenset(overrides))
        self.epochs = arguments.epochs
        self.budget = arguments.budget_epochs
        self.folder = folder
        self.spent = 0
        self.best = -math.inf

    def train(self, trial: int, values: dict[str, Any], told: Callable[[int, float], str]) -> None:
        """Train a configuration from the last epoch in its folder; `told` answers each epoch."""
        seen = self._seen(trial)

        def report(epoch: int, metrics: dict[str, float]) -> str:
            value = self.objective.value(metrics)
            if epoch <= seen:
                return "continue"
            self.spent += 1
            if math.isfinite(value):
                self.best = max(self.best, value)
            self._note(trial, epoch)
            return told(epoch, value)

        spec = with_values(self.spec, values)
        self.skill.run("train", spec, self.folder / f"{trial:04d}", report)

    def _seen(self, trial: int) -> int:
        path = self.folder / f"{trial:04d}.epoch"
        return int(path.read_text()) if path.exists() else 0

    def _note(self, trial: int, epoch: int) -> None:
        (self.folder / f"{trial:04d}.epoch").write_text(str(epoch))


def by_searcher(name: str, bench: Bench, seed: int) -> None:
    """Spend the budget with one of our algorithms."""
    budget = Budget(UNLIMITED, bench.epochs, budget_epochs=bench.budget)
    searcher = make_searcher(name, bench.space, bench.objective, budget, seed=seed)
    values: dict[int, dict[str, Any]] = {}
    while not isinstance(move := searcher.next(), Done):
        searcher.start(move)  # type: ignore[arg-type]
        if isinstance(move, Start):
            values[move.trial] = move.values
        trial = move.trial  # type: ignore[union-attr]
        last = [Decision.CONTINUE]

        def told(epoch: int, value: float, trial: int = trial, last: list[Any] = last) -> str:
            last[0] = searcher.report(trial, epoch, value).decision
            return str(last[0].value)

        bench.train(trial, values[trial], told)
        searcher.finish(trial, Outcome(last[0].state))


def by_optuna(bench: Bench, seed: int) -> None:
    """Spend the budget with Optuna's TPE and median pruner, both at their defaults."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(),
    )
    while bench.spent < bench.budget:
        trial = study.ask()
        values = suggested(trial, bench.space)
        curve: list[float] = []

        def told(epoch: int, value: float, trial: Any = trial, curve: list[float] = curve) -> str:
            curve.append(value)
            trial.report(value, epoch)
            is_over = bench.spent >= bench.budget
            return "stop" if is_over or trial.should_prune() else "continue"

        bench.train(trial.number, values, told)
        study.tell(trial, max(curve))


def measured(method: str, arguments: argparse.Namespace, seed: int) -> float:
    """Return the best objective that one search finds."""
    folder = Path(tempfile.mkdtemp(prefix="real-training-"))
    try:
        bench = Bench(arguments, folder)
        if method == "optuna":
            by_optuna(bench, seed)
        else:
            by_searcher(method, bench, seed)
        return bench.best
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def summary(values: list[float]) -> dict[str, Any]:
    """Return the values with their mean and the half width of its 95 % interval."""
    mean = statistics.fmean(values)
    half = math.nan
    if len(values) > 1:
        spread = statistics.stdev(values) / math.sqrt(len(values))
        half = float(student.ppf(0.975, len(values) - 1)) * spread
    return {"values": values, "mean": mean, "half_width_95": half}


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare searches by real trainings.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--budget-epochs", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", default="auto,random,optuna")
    parser.add_argument("overrides", nargs="*")
    arguments = parser.parse_args()
    found: dict[str, Any] = {}
    for method in arguments.methods.split(","):
        values = [measured(method, arguments, seed) for seed in range(arguments.seeds)]
        found[method] = summary(values)
        print(json.dumps({method: found[method]}), flush=True)
    print(json.dumps({"methods": found, "data": str(arguments.data)}))


if __name__ == "__main__":
    main()
