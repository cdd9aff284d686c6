"""Whether smaller images or fewer of them foretell a full training better than its first epochs.

    python -m experiments.segbench.fidelities OUT --isbi ISBI2012 --camvid CAMVID [--until HH:MM]
    python -m experiments.segbench.fidelities OUT --report

The configurations of SegBench-micro are trained in full (96 px, 12 epochs, all images), with
smaller images, and with a part of the training images. Each is a look at the full training, as its
own first epochs are. Printed, for each data set: processor time of a look as a share of that of a
full training, Spearman's correlation of its best score with that of the full training, and the
regret of the configuration that it takes for the best (0 the best of all, 1 the median). Each
training is a line of OUT/fidelities.jsonl; stop it at any time and start it with the same command.
Run it with OMP_NUM_THREADS=1. Those of five configurations stand beside this script: to go on, copy
them to OUT.
"""

import argparse
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from automl.skill.installed import load_skill
from experiments.rows import Row, append, rows_of
from experiments.segbench import collect
from experiments.segbench.data_sets import write_data_set

TASKS = ("isbi", "camvid-0001TP")
FULL = "96 px"
LOOKS: dict[str, tuple[int, float]] = {
    FULL: (96, 1.0),
    "64 px": (64, 1.0),
    "48 px": (48, 1.0),
    "half of the images": (96, 0.5),
    "a quarter of the images": (96, 0.25),
}
"""Image side in pixels, and share of the training images."""
FIRST_EPOCHS = (1, 3, 6)
CONFIGURATIONS = 25

Key = tuple[str, str, int]
"""Task, look, configuration."""


def data_of(task: str, share: float, folders: dict[str, Path], target: Path) -> None:
    """Write a data set with a part of its training images."""
    folder = write_data_set(task, folders, target)
    for kind in ("images", "masks"):
        files = sorted((folder / kind / "train").iterdir())
        for path in files[round(share * len(files)) :]:
            path.unlink()


def run(options: argparse.Namespace, path: Path) -> None:
    """Train what is missing until the time is up."""
    folders = {"isbi": options.isbi, "camvid": options.camvid}
    skill = load_skill("segformer")
    plans = {}
    for look, (side, share) in LOOKS.items():
        out = options.out / look.replace(" ", "-")
        out.mkdir(exist_ok=True)
        collect.space_without_conditions(out / "space.yaml")
        for task in TASKS:
            data_of(task, share, folders, out / "data")
            sized = {"dataset.segment.img_size": side}
            plans[task, look] = collect.plan_of(f"{task}/lite0", out, sized)
    done = trainings_of(path)
    for number in range(CONFIGURATIONS):
        for (task, look), plan in plans.items():
            if (task, look, number) in done:
                continue
            if collect.is_late(options):
                return
            started = time.process_time()
            row = collect.train(skill, plan, number, options.out / "trial")
            kept = {name: row[name] for name in ("val_miou", "seconds", "fault")}
            append(path, {
                "task": task, "look": look, "configuration": number, **kept,
                "processor_s": round(time.process_time() - started, 3),
            })  # fmt: skip


def trainings_of(path: Path) -> dict[Key, Row]:
    """Return the trainings that are there."""
    return {(row["task"], row["look"], row["configuration"]): row for row in rows_of(path)}


def report(rows: Mapping[Key, Row]) -> None:
    """Print the table, a line for each look."""
    columns = " | ".join(f"{task}: cost, correlation, regret" for task in TASKS)
    print(f"| look | {columns} |\n| --- |" + " --- |" * len(TASKS))
    tables = [table_of(rows, task) for task in TASKS]
    for look in tables[0]:
        cells = (" ".join(f"{value:.2f}" for value in table[look]) for table in tables)
        print(f"| {look} | " + " | ".join(cells) + " |")


def table_of(rows: Mapping[Key, Row], task: str) -> dict[str, tuple[float, float, float]]:
    """Return cost, correlation and regret of each look at a task's full trainings."""
    numbers = [n for n in range(CONFIGURATIONS) if all((task, look, n) in rows for look in LOOKS)]
    full = [rows[task, FULL, n] for n in numbers]
    ends = np.array([_best(row, collect.EPOCHS) for row in full])
    whole = _cost(full)
    table: dict[str, tuple[float, float, float]] = {}
    for epochs in FIRST_EPOCHS:
        scores = [_best(row, epochs) for row in full]
        table[f"{epochs} epochs"] = (epochs / collect.EPOCHS, *foretold(scores, ends))
    for look in LOOKS:
        if look != FULL:
            own = [rows[task, look, n] for n in numbers]
            scores = [_best(row, collect.EPOCHS) for row in own]
            table[look] = (_cost(own) / whole, *foretold(scores, ends))
    return table


def foretold(scores: Sequence[float], ends: np.ndarray) -> tuple[float, float]:
    """Return the correlation of scores with the ends, and the regret of the best score."""
    chosen = ends[int(np.argmax(scores))]
    regret = (ends.max() - chosen) / (ends.max() - np.median(ends))
    return float(spearmanr(scores, ends).statistic), float(regret)


def _best(row: Row, epochs: int) -> float:
    return max(row["val_miou"][:epochs], default=0.0)


def _cost(rows: Sequence[Row]) -> float:
    """Return the median: the first training of a process takes longer."""
    return float(np.median([row["processor_s"] for row in rows]))


def main() -> None:
    parser = collect.parser_of(__doc__)
    parser.add_argument("--report", action="store_true", help="print the table of what is there")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "fidelities.jsonl"
    if not options.report:
        run(options, path)
        shutil.rmtree(options.out / "trial", ignore_errors=True)
    report(trainings_of(path))


if __name__ == "__main__":
    main()
