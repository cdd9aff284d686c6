"""What trainings on other data teach a search, on SegBench-micro.

    python -m experiments.segbench.leave_one_out segbench.npz [--seeds 10]

Each task is searched by `auto`, with and without the configurations of the other tasks whose data
has another source. What a configuration reaches is the prediction of trees that were fitted to the
task's table, and its curve has the shape of the nearest one there. Prints the mean normalised
regret (0 the best of 2,000 random configurations, 1 their median) after the epochs of 3, 5 and 10
trainings.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor

from automl.search.algorithms import make_searcher
from automl.search.auto.features import Array, Features
from automl.space.space import SearchSpace
from automl.trial.budget import UNLIMITED, Budget
from automl.trial.moves import Continue, Start
from automl.trial.objective import Objective
from automl.trial.trial import Decision, Outcome, TransferTrial, TrialState
from experiments.segbench.data_sets import DATA_SETS

TRAININGS = (3, 5, 10)
"""Budgets, in full trainings."""
TREES, SAMPLE = 200, 2000


class Table:
    """The curves of all tasks, and the space from which their configurations were drawn."""

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as file:
            self.tasks = [str(name) for name in file["tasks"]]
            self.values = [json.loads(str(text)) for text in file["values"]]
            self.curves = file["val_miou"].astype(float)
            space, base = (json.loads(str(file[name])) for name in ("space", "base"))
        self.space = SearchSpace.from_dict(space, base)
        self._features = Features(self.space)
        self._points = np.stack([self._features.of(values) for values in self.values])
        self.epochs = self.curves.shape[2]
        curves = np.where(np.isfinite(self.curves), self.curves, 0.0)
        self.bests = curves.max(axis=2)
        self._has_diverged = ~np.isfinite(self.curves).all(axis=2)
        self._shapes = curves / np.maximum(self.bests, 1e-9)[:, :, None]
        self._trees = [
            ExtraTreesRegressor(TREES, random_state=0).fit(self._points, bests)
            for bests in self.bests
        ]
        rng = np.random.default_rng(0)
        sampled = [self._features.of(self.space.sample(rng)) for _ in range(SAMPLE)]
        reached = [trees.predict(np.stack(sampled)) for trees in self._trees]
        self._scales = [(scores.max(), float(np.median(scores))) for scores in reached]

    def curve(self, task: int, values: Mapping[str, Any]) -> Array:
        """Return the score of a configuration after each epoch."""
        point = self._features.of(values)
        nearest = ((self._points - point) ** 2).sum(axis=1).argmin()
        reached = float(self._trees[task].predict(point[None])[0])
        return np.asarray(reached * self._shapes[task, nearest], dtype=np.float64)

    def regret(self, task: int, best: float) -> float:
        """Return the normalised regret of the best score of a search."""
        top, median = self._scales[task]
        return float(np.clip((top - best) / (top - median), 0, 1))

    def others(self, task: int) -> list[TransferTrial]:
        """Return the configurations with their losses on tasks of other sources."""
        source = _source(self.tasks[task])
        kept = [n for n, name in enumerate(self.tasks) if _source(name) != source]
        losses = np.where(self._has_diverged, np.inf, -self.bests)
        return [
            TransferTrial(values, tuple(losses[kept, n])) for n, values in enumerate(self.values)
        ]


def _source(task: str) -> str:
    return DATA_SETS[task.split("/")[0]].source


def play(table: Table, task: int, *, seed: int, transfer: Sequence[TransferTrial]) -> list[float]:
    """Return the regret of a search after each of the budgets, one trial at a time."""
    budget = max(TRAININGS) * table.epochs
    searcher = make_searcher(
        "auto", table.space, Objective("val_miou", "max"),
        Budget(UNLIMITED, table.epochs, budget_epochs=budget), seed=seed, transfer=transfer,
    )  # fmt: skip
    curves: dict[int, Array] = {}
    epoch: dict[int, int] = {}
    seen: list[float] = []
    while len(seen) < budget:
        move = searcher.next()
        if not isinstance(move, Start | Continue):
            break
        searcher.start(move)
        if isinstance(move, Start):
            curves[move.trial], epoch[move.trial] = table.curve(task, move.values), 0
        decision = Decision.CONTINUE
        while epoch[move.trial] < move.epochs and decision is Decision.CONTINUE:
            value = float(curves[move.trial][epoch[move.trial]])
            epoch[move.trial] += 1
            seen.append(value)
            decision = searcher.report(move.trial, epoch[move.trial], value).decision
        state = TrialState.STOPPED if decision is Decision.STOP else TrialState.PAUSED
        if epoch[move.trial] == table.epochs:
            state = TrialState.COMPLETED
        searcher.finish(move.trial, Outcome(state))
    best = np.fmax.accumulate(np.array(seen))
    return [table.regret(task, best[min(n * table.epochs, len(best)) - 1]) for n in TRAININGS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    table = Table(options.table)
    print("| task | without, after 3, 5, 10 trainings | with |\n| --- | --- | --- |")
    sums = []
    for task, name in enumerate(table.tasks):
        both = [
            np.mean(
                [play(table, task, seed=seed, transfer=transfer) for seed in range(options.seeds)],
                axis=0,
            )
            for transfer in ((), table.others(task))
        ]
        sums.append(both)
        print(
            f"| {name} | " + " | ".join(" ".join(f"{v:.3f}" for v in arm) for arm in both) + " |",
            flush=True,
        )
    means = np.mean(sums, axis=0)
    print("| mean | " + " | ".join(" ".join(f"{v:.3f}" for v in arm) for arm in means) + " |")
    print("ratio", np.round(means[1] / means[0], 2).tolist())


if __name__ == "__main__":
    main()
