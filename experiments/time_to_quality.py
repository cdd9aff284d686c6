"""Seconds to a quality: `automl run`, Ray Tune with OptunaSearch and ASHA, and Optuna's defaults.

    python -m experiments.time_to_quality DATA OUT --minutes 6 --epochs 15 --seeds 0 1 2 \
        --methods automl ray optuna random --workers 2 --space default --weights none \
        model.backbone.type=mit_b0 dataset.segment.img_size=96
    python -m experiments.time_to_quality DATA OUT --report

All methods search the same space by the same training function, and begin with the defaults. Each
search gets the same time from the start of its process on, start-up included; what is reported
later does not count. `automl` is the command with its default searcher; `ray` is Ray Tune's own
Tuner with OptunaSearch and ASHA (--grace epochs at first, then a third goes on); `optuna` is
`study.optimize` with its default sampler and pruner, a process for each worker; `random` is the
command with --algorithm random: given more minutes, it tells what can be reached. Each search is a
line of OUT/searches.jsonl with its best value and when it was seen. One that is there is not
repeated.

Printed, by method: the best value, and the seconds until --share of the best that `random` found,
or any method where `random` was not run. A search that never gets there counts with its whole time.
"""

import argparse
import math
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from automl.schema.spec import parse_assignments
from automl.space.space import SearchSpace
from experiments.plans import plan_of, spec_of_trial
from experiments.recipe.camvid import interval
from experiments.rows import Row, append, rows_of

METHODS = ("automl", "ray", "optuna", "random")
OURS = {"automl": "auto", "random": "random"}
METRIC = "val_miou"
Report = Callable[[int, dict[str, float]], str]


class Task:
    """What all methods are given: the space, and the training of one configuration."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._plan = plan_of(
            data=str(options.data),
            space=options.space,
            weights=options.weights,
            epochs=options.epochs,
            out=str(options.out / "none"),
            spec=parse_assignments(options.overrides),
        )
        self.space = self._plan.space

    def train(self, values: Mapping[str, Any], folder: Path, report: Report) -> None:
        """Train a configuration; `report` gets an epoch and its metrics and says how to go on."""
        from segformer.skill import skill

        skill.run("train", spec_of_trial(self._plan, values), folder, report)
        shutil.rmtree(folder, ignore_errors=True)


def note(path: Path, value: float) -> None:
    """Append a value with its time, for the process that compares."""
    append(path, {"time": time.time(), "value": value})


def draw(trial: Any, space: SearchSpace) -> None:
    """Draw the parameters of a trial for Ray Tune, which takes what is returned for constants."""
    from automl.search.proposers.optuna import suggested

    suggested(trial, space)


def values_of(space: SearchSpace, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of Optuna's parameters; the inverse of `params_of`."""
    from automl.search.proposers.optuna import value_from_param

    values: dict[str, Any] = {}
    for key, parameter in space.parameters.items():
        if key in params:
            domain = space.domain(parameter, values)
            values[key] = value_from_param(parameter, domain, params[key])
    return values


def search_by_ray(options: argparse.Namespace, values: Path, until: float) -> None:
    """Search with Ray Tune's Tuner until the time is up."""
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    from automl.search.proposers.optuna import params_of

    task = Task(options)

    def train(params: dict[str, Any]) -> None:
        def report(epoch: int, metrics: dict[str, float]) -> str:
            note(values, metrics[METRIC])
            tune.report({METRIC: metrics[METRIC]})
            return "continue"

        folder = values.parent / tune.get_context().get_trial_id()
        task.train(values_of(task.space, params), folder, report)

    algorithm = OptunaSearch(
        space=partial(draw, space=task.space),
        metric=METRIC,
        mode="max",
        points_to_evaluate=[params_of(task.space, task.space.defaults())],
        seed=options.seeds[0],
    )
    scheduler = ASHAScheduler(max_t=options.epochs, grace_period=options.grace, reduction_factor=3)
    ray.init(num_cpus=options.workers, include_dashboard=False, log_to_driver=False)
    tune.Tuner(
        train,
        tune_config=tune.TuneConfig(
            metric=METRIC,
            mode="max",
            search_alg=algorithm,
            scheduler=scheduler,
            num_samples=-1,
            time_budget_s=max(1.0, until - time.time()),
            max_concurrent_trials=options.workers,
        ),
        run_config=tune.RunConfig(storage_path=str(values.parent / "ray"), verbose=0),
    ).fit()


def search_by_optuna(options: argparse.Namespace, values: Path, until: float) -> None:
    """Search with `study.optimize` in a process for each worker until the time is up."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    from automl.search.proposers.optuna import params_of, suggested

    task = Task(options)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = JournalStorage(JournalFileBackend(str(values.parent / "optuna.log")))
    study = optuna.create_study(
        storage=storage,
        study_name="study",
        load_if_exists=True,
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=options.seeds[0] * 100 + options.worker),
    )
    if options.worker == 0:
        study.enqueue_trial(params_of(task.space, task.space.defaults()))

    def objective(trial: optuna.Trial) -> float:
        curve: list[float] = []

        def report(epoch: int, metrics: dict[str, float]) -> str:
            curve.append(metrics[METRIC])
            note(values, curve[-1])
            trial.report(curve[-1], epoch)
            return "stop" if trial.should_prune() else "continue"

        task.train(suggested(trial, task.space), values.parent / f"{trial.number}", report)
        if len(curve) < options.epochs:
            raise optuna.TrialPruned
        return max(curve)

    study.optimize(objective, timeout=max(1.0, until - time.time()))


def commands_of(
    options: argparse.Namespace, method: str, seed: int, folder: Path, until: float
) -> list[list[str]]:
    """Return the commands whose processes are one search."""
    if method in OURS:
        return [[
            sys.executable, "-m", "automl", "run", "--skill", "segformer",
            "--data", str(options.data), "--out", str(folder / "search"), "--seed", str(seed),
            "--algorithm", OURS[method], "--time", f"{round(60 * options.minutes)}s",
            "--epochs", str(options.epochs), "--space", options.space,
            "--weights", options.weights, "--tracker", "none", "--quiet",
            "--runner", "local" if options.workers == 1 else "ray",
            "--concurrency", str(options.workers), *options.overrides,
        ]]  # fmt: skip
    own = [
        sys.executable, "-m", "experiments.time_to_quality", str(options.data), str(folder),
        "--minutes", str(options.minutes), "--epochs", str(options.epochs),
        "--workers", str(options.workers), "--space", options.space,
        "--weights", options.weights, "--grace", str(options.grace),
        "--seeds", str(seed), "--search", method, "--until", str(until), *options.overrides,
    ]  # fmt: skip
    workers = range(options.workers) if method == "optuna" else range(1)
    return [[*own, "--worker", str(worker)] for worker in workers]


def values_of_search(method: str, folder: Path) -> list[tuple[float, float]]:
    """Return every value of a search with its time."""
    if method not in OURS:
        return [(row["time"], row["value"]) for row in rows_of(folder / "values.jsonl")]
    events = rows_of(folder / "search" / "journal.jsonl")
    reports = [event for event in events if event["event"] == "report"]
    return [(event["time"], event["metrics"][METRIC]) for event in reports]


def steps_of(
    values: Iterable[tuple[float, float]], began: float, limit: float
) -> list[list[float]]:
    """Return [seconds, value] wherever the best improved within the time."""
    steps: list[list[float]] = []
    for moment, value in sorted(values):
        is_better = math.isfinite(value) and (not steps or value > steps[-1][1])
        if is_better and moment - began <= limit:
            steps.append([round(moment - began, 1), value])
    return steps


def measure(options: argparse.Namespace, method: str, seed: int) -> Row:
    """Run one search in processes of its own and return its row."""
    folder = options.out.resolve() / f"{method}_{seed}"
    shutil.rmtree(folder, ignore_errors=True)  # What a stop left behind.
    folder.mkdir(parents=True)
    limit = 60 * options.minutes
    began = time.time()
    # Else Ray trains at nice 15, behind whatever else the machine does.
    environment = {**os.environ, "RAY_worker_niceness": "0"}
    running = [
        subprocess.Popen(command, env=environment)
        for command in commands_of(options, method, seed, folder, began + limit)
    ]
    for process in running:
        try:
            # Our command ends by itself; of the others, what is trained when time is up is lost.
            process.wait(max(1.0, began + limit + (120 if method in OURS else 15) - time.time()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    values = values_of_search(method, folder)
    shutil.rmtree(folder, ignore_errors=True)
    return {**task_of(options), "method": method, "seed": seed, "epochs": len(values),
            "steps": steps_of(values, began, limit)}  # fmt: skip


def task_of(options: argparse.Namespace) -> Row:
    """Return what searches must have in common to be compared."""
    names = ("minutes", "workers", "space", "weights", "overrides")
    return {"data": options.data.name, **{name: getattr(options, name) for name in names}}


def run_missing(options: argparse.Namespace, path: Path) -> None:
    """Run the searches that are not there yet."""
    for seed in options.seeds:
        for method in options.methods:
            done = [row for row in rows_of(path) if task_of(options).items() <= row.items()]
            if any((row["method"], row["seed"]) == (method, seed) for row in done):
                continue
            row = measure(options, method, seed)
            append(path, row)
            print(method, seed, row["epochs"], row["steps"][-1:], flush=True)


def seconds_to(row: Row, target: float) -> float:
    """Return the seconds until a value was seen; the whole time if it never was."""
    seen = (at for at, value in row["steps"] if value >= target)
    return float(next(seen, 60 * row["minutes"]))


def report(rows: list[Row], share: float) -> list[str]:
    """Return a line for each method."""
    best = {id(row): row["steps"][-1][1] if row["steps"] else 0.0 for row in rows}
    reached = [best[id(row)] for row in rows if row["method"] == "random"] or list(best.values())
    target = share * max(reached)
    lines = [f"| method | searches | best {METRIC} | median s to {target:.4f} | factor to automl |",
             "| --- | --- | --- | --- | --- |"]  # fmt: skip
    ours = {row["seed"]: seconds_to(row, target) for row in rows if row["method"] == "automl"}
    for method in METHODS:
        own = [row for row in rows if row["method"] == method]
        if not own:
            continue
        seconds = {row["seed"]: seconds_to(row, target) for row in own}
        shared = sorted(seconds.keys() & ours.keys())
        factors = [math.log(seconds[seed] / ours[seed]) for seed in shared]
        factor = f"{math.exp(statistics.fmean(factors)):.2f}" if factors else ""
        values = interval([best[id(row)] for row in own])
        median = statistics.median(seconds.values())
        lines.append(f"| {method} | {len(own)} | {values} | {median:.0f} | {factor} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("overrides", nargs="*", help="settings of the training, key=value")
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS[:3]))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--space", default="default")
    parser.add_argument("--weights", default="none")
    parser.add_argument("--grace", type=int, default=1, help="first rung of ASHA, in epochs")
    parser.add_argument("--share", type=float, default=0.95)
    parser.add_argument("--report", action="store_true", help="print the table of what is there")
    parser.add_argument("--search", choices=("ray", "optuna"), help=argparse.SUPPRESS)
    parser.add_argument("--until", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--worker", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_intermixed_args()
    if options.search:
        search = search_by_ray if options.search == "ray" else search_by_optuna
        search(options, options.out / "values.jsonl", options.until)
        return
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "searches.jsonl"
    if not options.report:
        run_missing(options, path)
    print("\n".join(report(rows_of(path), options.share)))


if __name__ == "__main__":
    main()
