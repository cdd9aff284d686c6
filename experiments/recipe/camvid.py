"""Compares whole runs with the same wall time: ours, today's, and a plain script's.

    python -m experiments.recipe.camvid DATA OUT [--minutes 15] [--seeds 0 1 2] [--size 160]
        [--methods automl default plain]
    python -m experiments.recipe.camvid DATA OUT --report

`automl` is `automl run` with the defaults of this version; `default` is TAO's 16 parameters from
random weights (`--space default --weights none`); `plain` is experiments/recipe/plain.py. Each gets
the same minutes of this machine; of `automl` that is the search (`--time`), and the whole wall time
is written down beside it. The promoted model and the plain one are measured once on the test split
by the same code, `segformer evaluate`. DATA is any data set with a test split: CamVid, ISBI 2012,
or the sample of `automl data sample`. Each result is a line of OUT/results.jsonl: a run that is
there is not repeated, so that a stop costs one run.
"""

import argparse
import math
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from experiments.recipe.plain import train as train_plain
from experiments.rows import Row, append, rows_of
from segformer.skill import skill

METHODS = ("automl", "default", "plain")
_FLAGS = {
    "automl": [],
    "default": ["--space", "default", "--weights", "none"],
}
# Quantiles of Student's t for a 95 % interval, by degrees of freedom.
_T = {1: 12.71, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}


def run_automl(options: argparse.Namespace, method: str, seed: int, folder: Path) -> Path:
    """Search and promote in a process of its own; return the promoted model."""
    command = [
        sys.executable, "-m", "automl", "run", "--skill", "segformer", "--data", str(options.data),
        "--out", str(folder), "--time", f"{round(60 * options.minutes)}s", "--seed", str(seed),
        "--tracker", "none", "--runner", options.runner, "--quiet", *_FLAGS[method],
        f"dataset.segment.img_size={options.size}", f"train.seed={seed}",
    ]  # fmt: skip
    if options.epochs is not None:
        command += ["--epochs", str(options.epochs)]
    subprocess.run(command, check=True)
    return folder / "promoted" / "model.safetensors"


def run_plain(options: argparse.Namespace, method: str, seed: int, folder: Path) -> Path:
    target = folder / "model.safetensors"
    train_plain(options.data, target, minutes=options.minutes, size=options.size, seed=seed)
    return target


def test_metrics(options: argparse.Namespace, model: Path, folder: Path) -> dict[str, float]:
    overrides = {
        "dataset.segment.root_dir": str(options.data),
        "dataset.segment.workers": 0,
        "evaluate.checkpoint": str(model),
    }
    result = skill.run("evaluate", skill.resolve("evaluate", overrides), folder / "on_test")
    return {k: v for k, v in result.metrics.items() if k in ("test_miou", "test_acc")}


def measure(options: argparse.Namespace, method: str, seed: int) -> Row:
    folder = options.out / f"{method}_{seed}"
    shutil.rmtree(folder, ignore_errors=True)  # What a stop left behind.
    run: Callable[..., Path] = run_plain if method == "plain" else run_automl
    started = time.monotonic()
    model = run(options, method, seed, folder)
    wall_s = time.monotonic() - started
    return {
        "method": method, "seed": seed, "data": options.data.resolve().name,
        "minutes": options.minutes, "size": options.size, "wall_s": round(wall_s, 1),
        **test_metrics(options, model, folder),
    }  # fmt: skip


def results(options: argparse.Namespace) -> list[Row]:
    """Return the rows of this data set, time and size."""
    task = {"data": options.data.resolve().name, "minutes": options.minutes, "size": options.size}
    rows = rows_of(options.out / "results.jsonl")
    return [row for row in rows if task.items() <= row.items()]


def run_missing(options: argparse.Namespace) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    for seed in options.seeds:
        for method in options.methods:
            if any((r["method"], r["seed"]) == (method, seed) for r in results(options)):
                continue
            row = measure(options, method, seed)
            append(options.out / "results.jsonl", row)
            print(f"{method}, seed {seed}: test mIoU {row['test_miou']:.4f}", flush=True)


def interval(values: list[float]) -> str:
    """Return mean and 95 % interval by Student's t; of one value no interval is known."""
    mean, count = statistics.fmean(values), len(values)
    if count < 2:
        return f"{mean:.4f}"
    half = _T.get(count - 1, 1.96) * statistics.stdev(values) / math.sqrt(count)
    return f"{mean:.4f} +- {half:.4f}"


def table(rows: list[Row]) -> list[str]:
    """Return the lines of the table: each method, then its paired difference from `automl`."""
    by_method = {m: {r["seed"]: r for r in rows if r["method"] == m} for m in METHODS}
    lines = ["| method | seeds | test mIoU | wall s | automl less this |",
             "| --- | --- | --- | --- | --- |"]  # fmt: skip
    for method, runs in by_method.items():
        if not runs:
            continue
        common = sorted(runs.keys() & by_method["automl"].keys())
        gains = [by_method["automl"][s]["test_miou"] - runs[s]["test_miou"] for s in common]
        gain = interval(gains) if gains and method != "automl" else "-"
        wall = round(statistics.fmean(row["wall_s"] for row in runs.values()))
        miou = interval([row["test_miou"] for row in runs.values()])
        lines.append(f"| {method} | {len(runs)} | {miou} | {wall} | {gain} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--epochs", type=int, help="of a full training; default: the product's")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--runner", default="ray", choices=("ray", "local"))
    parser.add_argument("--report", action="store_true", help="print the table, run nothing")
    options = parser.parse_args()
    if not options.report:
        run_missing(options)
    print("\n".join(table(results(options))))


if __name__ == "__main__":
    main()
