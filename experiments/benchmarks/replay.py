"""Replays search methods on recorded trainings: `python -m experiments.benchmarks.replay`.

Every method sees the same tasks, seeds and simulated clock, and pays in epochs: one full training
is 50, and a resumed trial does not pay for its past epochs again. With `--unit seconds` it pays the
time that its epochs take, in epochs of the median configuration. Regret is (best value seen at any
epoch - optimum) / (median configuration - optimum), clipped to [0, 1].
"""

import argparse
import hashlib
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

# Before numpy is loaded: the processes are the parallelism.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from automl.errors import not_one_of
from experiments.benchmarks.cache import Cache, Key
from experiments.benchmarks.clock import Clock, Run
from experiments.benchmarks.generated import FAMILIES, load_generated
from experiments.benchmarks.measure import BUDGETS, Figures
from experiments.benchmarks.methods import NAMES, OURS, make_method, missing_package, version_of
from experiments.benchmarks.show import families_table, plot, table, write_between_markers
from experiments.benchmarks.tasks import Task, load_lcbench, load_taskset

TIMED = {"epochs": "", "seconds": "; the budgets are times, in epochs of the median configuration"}


@dataclass(frozen=True)
class Sources:
    """Sources of the tasks and results; each process loads its own copy."""

    lcbench: Path | None
    lcbench_tasks: tuple[str, ...] | None
    taskset: Path | None
    taskset_tasks: tuple[str, ...] | None
    families: tuple[str, ...] | None
    cache: Path
    known: Path | None

    def results(self) -> Cache:
        """Return the results found in the cache and in the kept file."""
        return Cache(self.cache, known=self.known)

    def load(self) -> list[Task]:
        """Return the tasks."""
        cache = Cache(self.cache)
        tasks: list[Task] = []
        if self.lcbench:
            tasks += load_lcbench(self.lcbench, self.lcbench_tasks, cache)
        if self.taskset:
            tasks += load_taskset(self.taskset, self.taskset_tasks)
        if self.families is not None:
            tasks += load_generated(self.families)
        return tasks


def main(words: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = _parser()
    asked = parser.parse_args(words)
    unknown = [m for m in asked.methods if m not in NAMES]
    if unknown:
        parser.error("; ".join(not_one_of("--methods", name, NAMES) for name in unknown))
    if not (asked.lcbench or asked.taskset or asked.families is not None):
        parser.error("give --lcbench DIR, --taskset FILE.npz, --families or several of them")
    if min(asked.seeds, asked.workers, asked.processes) < 1 or asked.budget < BUDGETS[0]:
        parser.error("--seeds, --workers, --processes: 1 or more; --budget: 100 or more")
    sources = Sources(
        asked.lcbench,
        asked.lcbench_tasks,
        asked.taskset,
        asked.taskset_tasks,
        asked.families,
        asked.cache,
        asked.known,
    )
    try:
        tasks = sources.load()
    except (OSError, KeyError, ValueError) as error:
        parser.error(f"the tasks cannot be loaded: {error}")
    try:
        results = sources.results()
    except ValueError as error:
        parser.error(f"--known {error}")
    keys = [
        Key(m, version_of(m), t.name, seed, asked.workers, asked.budget, asked.unit)
        for seed in range(asked.seeds)
        for m in asked.methods
        for t in tasks
    ]
    missing = [key for key in keys if results.get(key) is None]
    try:
        _run_missing(missing, sources, processes=asked.processes)
    except ImportError as error:
        parser.error(str(error))
    if missing:
        results = sources.results()
    if asked.keep:
        results.keep(keys, asked.keep)
    _hand_out(_figures(keys, tasks, results), asked)
    return 0


def _run_missing(missing: list[Key], sources: Sources, *, processes: int) -> None:
    for method in {key.method for key in missing}:
        package = missing_package(method)
        if package:
            raise ImportError(
                f"{method}: {package} is not installed here and not all results are in "
                f"{sources.cache}; run it first in an environment with "
                "experiments/benchmarks/rivals.txt (dehb, neps: rivals-dehb.txt, rivals-neps.txt)"
            )
    if not missing:
        return
    with ProcessPoolExecutor(processes, initializer=_prepare, initargs=(sources,)) as pool:
        for number, done in enumerate(as_completed(pool.submit(_play, k) for k in missing), 1):
            done.result()
            if number % 50 == 0 or number == len(missing):
                print(f"{number}/{len(missing)} searches", file=sys.stderr, flush=True)


_TASKS: dict[str, Task] = {}
_CACHE: list[Cache] = []


def _prepare(sources: Sources) -> None:
    _TASKS.update({task.name: task for task in sources.load()})
    _CACHE.append(Cache(sources.cache))


def _play(key: Key) -> None:
    task = _TASKS[key.task]
    seed = seed_of(key.task, key.seed)
    epochs = key.budget if key.unit == "epochs" else None
    searcher = make_method(key.method, task, seed=seed, budget=epochs)
    clock = Clock(task, searcher, workers=key.workers, budget=key.budget, unit=key.unit)
    run = clock.play()
    _CACHE[0].put(key, run)


def seed_of(task: str, index: int) -> int:
    """Return the seed of a task's run, the same for all methods."""
    return int.from_bytes(hashlib.sha256(f"{task}/{index}".encode()).digest()[:4], "big") >> 1


def _figures(keys: list[Key], tasks: list[Task], results: Cache) -> Figures:
    methods = list(dict.fromkeys(key.method for key in keys))
    budgets = [b for b in BUDGETS if b <= keys[0].budget]
    seeds = max(key.seed for key in keys) + 1
    scales = {task.name: task.scale for task in tasks}
    names = list(scales)
    regret = {b: np.zeros((len(methods), len(names), seeds)) for b in budgets}
    spent = np.zeros((len(methods), 2))
    for key in keys:
        run = results.get(key)
        assert isinstance(run, Run)
        place = methods.index(key.method)
        spent[place] += run.seconds, run.decisions
        for b in budgets:
            regret[b][place, names.index(key.task), key.seed] = scales[key.task].regret(
                run.best_seen(b)
            )
    return Figures(methods, names, regret, list(spent[:, 0] / spent[:, 1]))


def _hand_out(figures: Figures, asked: argparse.Namespace) -> None:
    title = (
        f"{len(figures.tasks)} tasks, {asked.seeds} seeds each, workers: {asked.workers}, "
        f"50 epochs are one full training{TIMED[asked.unit]}."
    )
    text = table(figures, title=title)
    rivals = [method for method in figures.methods if method not in OURS]
    if "auto" in figures.methods and rivals:
        text += "\n" + families_table(figures, method="auto", rivals=rivals)
    print(text)
    if {"auto", "random"} <= set(figures.methods):
        for b in figures.regret:
            worse = figures.worse_than("auto", "random", b)
            print(f"auto worse than random at {b} (95 % interval): {worse or 'on no task'}")
    if asked.json:
        result = {
            "methods": figures.summary(),
            "tasks": figures.tasks,
            "seeds": asked.seeds,
            "workers": asked.workers,
            "budget": asked.budget,
            "unit": asked.unit,
        }
        asked.json.write_text(json.dumps(result, indent=1) + "\n")
    if asked.page:
        if asked.plot:  # Linked from the page, wherever the command was called.
            picture = Path(os.path.relpath(asked.plot, asked.page.parent)).as_posix()
            text += f"\n![Mean ranks, and which methods a test does not tell apart]({picture})\n"
        write_between_markers(asked.page, text)
    if asked.plot:
        plot(figures, asked.plot, title=f"{len(figures.tasks)} tasks, workers: {asked.workers}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.benchmarks.replay",
        description="Replay search methods on recorded trainings.",
        allow_abbrev=False,
    )
    names = lambda text: tuple(n.strip() for n in text.split(",") if n.strip())  # noqa: E731
    add = parser.add_argument
    add("--methods", type=names, default=("auto", "random"), help=f"of {', '.join(NAMES)}")
    add("--lcbench", type=Path, metavar="DIR", help="folder of LCBench's surrogate")
    add("--lcbench-tasks", type=names, metavar="ID,...", help="default: all of the surrogate")
    add("--taskset", type=Path, metavar="FILE.npz", help="recorded curves")
    add("--taskset-tasks", type=names, metavar="NAME,...", help="default: all in the file")
    add("--families", type=names, nargs="?", const=(), metavar="NAME,...",
        help=f"made-up curves of {', '.join(FAMILIES)}; default: all")  # fmt: skip
    add("--seeds", type=int, default=10)
    add("--workers", type=int, default=1, help="of the simulated clock")
    add("--budget", type=int, default=1000, help="epochs of all workers together")
    add("--unit", choices=sorted(TIMED), default="epochs", help="what the budget counts")
    add("--json", type=Path, metavar="OUT")
    add("--page", type=Path, metavar="FILE", help="write the table between the markers of a page")
    add("--plot", type=Path, metavar="FILE", help="critical-difference plot")
    add("--processes", type=int, default=1, help="searches run at once")
    add("--cache", type=Path, default=Path("runs/replay"), help="finished searches are kept here")
    add("--known", type=Path, metavar="FILE", help="use the results of this file too (--keep)")
    add("--keep", type=Path, metavar="FILE", help="write what the figures need of all results here")
    return parser


if __name__ == "__main__":
    sys.exit(main())
