"""Collects SegBench-micro: the same random configurations, trained on every task.

    python -m experiments.segbench.collect OUT --isbi ISBI2012 --camvid CAMVID [--until HH:MM]
    python -m experiments.segbench.collect OUT --pack experiments/segbench/segbench.npz
    python -m experiments.segbench.collect OUT --table segformer/references/transfer.json

A task is a data set with an encoder: EfficientNet-Lite0 with its ImageNet weights, or MiT-B0 with
random weights. The configurations are drawn from the practitioner's space without its conditions
on the data, at 64 px and a batch of 4. The first one is the recipe itself, and every second one
differs from it in some parameters only. A curve is the mIoU of the validation split after each of
12 epochs, which takes about 5 s on one core.

Each curve is a line of OUT/segbench.jsonl, and all tasks of a configuration come before the next:
stop it at any time and start it with the same command. Run it with OMP_NUM_THREADS=1. The curves
that are there stand in segbench.npz beside this script: `--unpack segbench.npz` writes them into
OUT to continue. The table is what a search learns from.

The curves are measurements, under the licence of this project. ISBI 2012 (for research) and CamVid
(CC BY-NC 4.0) themselves are no part of the file.
"""

import argparse
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from automl.plan.plan import Plan
from automl.search.seeds import rng_of
from automl.skill.installed import load_skill
from automl.skill.loaded import LoadedSkill
from automl.space.space import SearchSpace
from experiments import plans
from experiments.rows import Row, append, rows_of
from experiments.segbench.data_sets import DATA_SETS, write_data_set
from segformer.errors import DivergedError

EPOCHS = 12
CONFIGURATIONS = 60
SHARE, SCALE = 0.25, 0.2
"""How many parameters of the recipe are changed, and how far, in parts of their ranges."""
ENCODERS = {"lite0": "efficientnet_lite0", "mit-b0": "mit_b0"}
TASKS = [*(f"{name}/lite0" for name in DATA_SETS), "isbi/mit-b0", "cells/mit-b0"]
"""Data set and encoder."""
FIXED = {
    "dataset.segment.img_size": 64,
    "dataset.segment.batch_size": 4,
    "dataset.segment.workers": 0,
    "train.channels_last": True,
    "train.checkpoint_interval": EPOCHS,
}
PRACTITIONER = Path(__file__).parents[2] / "search_spaces/segformer/practitioner.yaml"


def space_without_conditions(target: Path) -> Path:
    """Write the practitioner's space as it is for data that fulfils every condition."""
    overlay = yaml.safe_load(PRACTITIONER.read_text(encoding="utf-8"))
    for key, entry in overlay["parameters"].items():
        for condition in ("only_if", "otherwise"):
            entry.pop(condition, None)
        if key in FIXED:
            entry.clear()
            entry["fixed"] = FIXED[key]
    overlay["parameters"].pop("start")  # The task names the encoder.
    target.write_text(yaml.safe_dump(overlay, sort_keys=False), encoding="utf-8")
    return target


def plan_of(task: str, out: Path, settings: Mapping[str, Any] | None = None) -> Plan:
    """Return the checked request for a search on a task, with further settings; nothing is run."""
    data_set, encoder = task.split("/")
    return plans.plan_of(
        data=str(out / "data" / data_set),
        space=str(out / "space.yaml"),
        epochs=EPOCHS,
        weights="auto" if encoder == "lite0" else "none",
        spec={**FIXED, "model.backbone.type": ENCODERS[encoder], **(settings or {})},
        out=str(out / "none"),
    )


def configuration(space: SearchSpace, number: int) -> dict[str, Any]:
    """Return the configuration of a number: the recipe, one from anywhere, one near the recipe."""
    if number == 0:
        return space.defaults()
    if number % 2:
        return space.sample(rng_of(0, number))
    return space.mutate(space.defaults(), rng_of(0, number), scale=SCALE, share=SHARE)


def train(skill: LoadedSkill, plan: Plan, number: int, folder: Path) -> Row:
    """Train a configuration of a task: its values, and per epoch the metric, seconds, memory."""
    values = configuration(plan.space, number)
    spec = plans.spec_of_trial(plan, values)
    curve: list[float] = []
    seconds: list[float] = []
    memory: list[int] = []
    started = time.perf_counter()

    def report(epoch: int, metrics: dict[str, float]) -> str:
        curve.append(metrics["val_miou"])
        seconds.append(round(time.perf_counter() - started, 3))
        memory.append(_memory_mb())
        return "continue"

    shutil.rmtree(folder, ignore_errors=True)
    try:
        skill.run("train", spec, folder, report)
        fault = None
    except DivergedError as error:  # That is a result, too.
        fault = str(error)
    shutil.rmtree(folder, ignore_errors=True)
    return {"values": values, "val_miou": curve, "seconds": seconds, "memory_mb": memory,
            "fault": fault}  # fmt: skip


def _memory_mb() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * 4096 // 2**20


def missing(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the configurations and tasks that are left, in order."""
    done = {(row["configuration"], row["task"]) for row in rows_of(path)}
    for number in range(CONFIGURATIONS):
        yield from ((number, task) for task in TASKS if (number, task) not in done)


def collect(options: argparse.Namespace, path: Path) -> None:
    """Train what is missing until the time is up."""
    folders = {"isbi": options.isbi, "camvid": options.camvid}
    for name in DATA_SETS:
        write_data_set(name, folders, options.out / "data")
    space_without_conditions(options.out / "space.yaml")
    skill = load_skill("segformer")
    checked: dict[str, Plan] = {}
    for number, task in missing(path):
        if is_late(options):
            return
        if task not in checked:
            checked[task] = plan_of(task, options.out)
        row = train(skill, checked[task], number, options.out / "trial")
        append(path, {"configuration": number, "task": task, **row})
        print(number, task, row["val_miou"][-1:], row["seconds"][-1:], row["fault"], flush=True)


def pack(path: Path, out: Path, target: Path) -> None:
    """Write the curves of the configurations that all tasks have, and their space, as one file."""
    rows = {(row["configuration"], row["task"]): row for row in rows_of(path)}
    numbers = _numbers(rows)
    space = plan_of(TASKS[0], out).space
    values = [json.dumps(rows[n, TASKS[0]]["values"]) for n in numbers]
    miou, seconds, memory = (
        np.array([[_full(rows[n, task][name]) for n in numbers] for task in TASKS], np.float32)
        for name in ("val_miou", "seconds", "memory_mb")
    )
    np.savez_compressed(
        target, tasks=np.array(TASKS), numbers=np.array(numbers), values=np.array(values),
        val_miou=miou, seconds=seconds, memory_mb=memory,
        space=np.array(json.dumps(space.to_dict())),
        base=np.array(json.dumps(dict(space.base))),
    )  # fmt: skip


def unpack(path: Path, source: Path) -> None:
    """Write the curves of a packed file, where nothing is there yet."""
    if path.exists():
        raise SystemExit(f"{path}: exists already")
    with np.load(source, allow_pickle=False) as file:
        tasks, numbers = file["tasks"].tolist(), file["numbers"].tolist()
        values = [json.loads(text) for text in file["values"].tolist()]
        curves = {name: file[name] for name in ("val_miou", "seconds", "memory_mb")}
    rows = [
        {
            "configuration": number, "task": task, "values": values[column],
            **{name: _reached(curves[name][row, column]) for name in curves},
            "fault": None if np.isfinite(curves["val_miou"][row, column]).all() else "diverged",
        }
        for column, number in enumerate(numbers) for row, task in enumerate(tasks)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _reached(curve: NDArray[np.float32]) -> list[float]:
    return [float(value) for value in curve if np.isfinite(value)]


def table(path: Path, target: Path) -> None:
    """Write the best score of each configuration on each task, as a search learns from it."""
    rows = {(row["configuration"], row["task"]): row for row in rows_of(path)}
    trials = [
        {
            "values": {key: _short(value) for key, value in rows[n, TASKS[0]]["values"].items()},
            "scores": [
                None if rows[n, task]["fault"] else round(max(rows[n, task]["val_miou"]), 4)
                for task in TASKS
            ],
        }
        for n in _numbers(rows)
    ]
    lines = ",\n".join(f"  {json.dumps(trial)}" for trial in trials)
    head = json.dumps({"metric": "val_miou", "mode": "max", "data_sets": TASKS})[1:-1]
    target.write_text(f'{{{head}, "trials": [\n{lines}\n]}}\n', encoding="utf-8")


def _short(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _numbers(rows: Mapping[tuple[int, str], Row]) -> list[int]:
    """Return the configurations that all tasks have."""
    return [n for n in range(CONFIGURATIONS) if all((n, task) in rows for task in TASKS)]


def _full(curve: list[float]) -> list[float]:
    """Return a curve of EPOCHS values; NaN after the epoch in which it diverged."""
    return [*curve, *[float("nan")] * (EPOCHS - len(curve))]


def parser_of(text: str | None) -> argparse.ArgumentParser:
    """Return a parser of the data sets, of where the trainings lie, and of their last beginning."""
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("out", type=Path)
    parser.add_argument("--isbi", type=Path, help="folder of ISBI 2012")
    parser.add_argument("--camvid", type=Path, help="folder of CamVid")
    parser.add_argument("--until", metavar="HH:MM", help="begin no training after this time")
    return parser


def is_late(options: argparse.Namespace) -> bool:
    """Return whether no training should begin any more."""
    return bool(options.until) and datetime.now().strftime("%H:%M") >= options.until


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--pack", type=Path, metavar="FILE", help="write what is there as one file")
    parser.add_argument("--unpack", type=Path, metavar="FILE", help="take up what a file holds")
    parser.add_argument(
        "--table", type=Path, metavar="FILE", help="write what a search learns from"
    )
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "segbench.jsonl"
    if options.pack:
        pack(path, options.out, options.pack)
    elif options.unpack:
        unpack(path, options.unpack)
    elif options.table:
        table(path, options.table)
    else:
        collect(options, path)


if __name__ == "__main__":
    main()
