"""What trainings on other data teach a search, on SegBench-micro.

    python -m experiments.segbench.leave_one_out segbench.npz [--seeds 10]

Each task is searched by `auto`, with and without the configurations of the other tasks whose data
has another source. A configuration stands for the nearest one in the table. Prints the mean
normalised regret (0 the best of the table, 1 its median) after the epochs of 3, 5 and 10 trainings.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from automl.search.algorithms import make_searcher
from automl.search.auto.features import Features
from automl.space.space import SearchSpace
from automl.trial.budget import UNLIMITED, Budget
from automl.trial.moves import Continue, Start
from automl.trial.objective import Objective
from automl.trial.trial import Decision, Outcome, TransferTrial, TrialState
from experiments.segbench.data_sets import DATA_SETS

TRAININGS = (3, 5, 10)
"""Budgets, in full trainings."""


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
        self.bests = np.nanmax(np.where(np.isfinite(self.curves), self.curves, 0.0), axis=2)

    def row(self, values: Mapping[str, Any]) -> int:
        """Return the configuration of the table that is nearest."""
        return int(((self._points - self._features.of(values)) ** 2).sum(axis=1).argmin())

    def regret(self, task: int, best: float) -> float:
        """Return 0 for the best configuration of the table, 1 for its median and what is worse."""
        top, median = self.bests[task].max(), np.median(self.bests[task])
        return float(np.clip((top - best) / (top - median), 0, 1))

    def others(self, task: int) -> list[TransferTrial]:
        """Return the configurations with their losses on tasks of other sources."""
        source = _source(self.tasks[task])
        kept = [n for n, name in enumerate(self.tasks) if _source(name) != source]
        return [
            TransferTrial(values, tuple(-self.bests[kept, n]))
            for n, values in enumerate(self.values)
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
    rows: dict[int, int] = {}
    epoch: dict[int, int] = {}
    seen: list[float] = []
    while len(seen) < budget:
        move = searcher.next()
        if not isinstance(move, Start | Continue):
            break
        searcher.start(move)
        if isinstance(move, Start):
            rows[move.trial], epoch[move.trial] = table.row(move.values), 0
        decision = Decision.CONTINUE
        while epoch[move.trial] < move.epochs and decision is Decision.CONTINUE:
            value = float(table.curves[task, rows[move.trial], epoch[move.trial]])
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
