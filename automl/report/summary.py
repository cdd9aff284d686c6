"""The summary of an experiment that commands print."""

import shlex
from collections.abc import Mapping
from typing import Any

from automl.experiment.derived import read_derived
from automl.experiment.experiment import Experiment
from automl.experiment.next_step import next_step
from automl.experiment.paths import ExperimentPaths
from automl.formats import compact, score, table
from automl.trial.trial import Trial


def summary(experiment: Experiment) -> str:
    """Return the text that run, resume and status print."""
    state = experiment.state
    lines = [f"{experiment.paths.root}: {state}", ""]
    if experiment.settings.route.get("is_fallback"):
        lines += [experiment.settings.route["reason"], ""]
    if experiment.history.trials:
        lines += [_table(experiment, state), ""]
    best = experiment.best
    if best is not None:
        lines += [*_best_lines(experiment, best), ""]
    for part in (
        _front_lines(experiment),
        _confirmed_lines(experiment),
        _importance_lines(experiment),
    ):
        lines += [*part, ""] if part else []
    if experiment.promotion:
        lines += [*_promotion_lines(experiment.promotion), ""]
    elif best is not None and state == "finished":
        lines += [f"files: {experiment.paths.trial(best.number)} (the skill cannot export)", ""]
    return "\n".join([*lines, *_places(experiment, state)])


def _table(experiment: Experiment, state: str) -> str:
    metric = experiment.settings.objective.metric
    head = ("rank", "trial", metric, "epoch", "epochs", "state", "seconds")
    rows = [head]
    for rank, trial in enumerate(experiment.ranking(), start=1):
        value = experiment.value_of(trial)
        rows.append(
            (
                str(rank),
                f"{trial.number:04d}" + (" (defaults)" if trial.number == 0 else ""),
                score(value),
                str(experiment.epoch_of(trial) or "-"),
                f"{trial.epoch}/{trial.epochs}",
                experiment.shown_state(trial, state)
                + (f" ({trial.failure.kind})" if trial.failure else ""),
                f"{trial.seconds:.0f}",
            )
        )
    return "\n".join(table(rows))


def _best_lines(experiment: Experiment, best: Trial) -> list[str]:
    value = experiment.value_of(best)
    metric = experiment.settings.objective.metric
    line = f"best: trial {best.number:04d}, {metric} {score(value)} at epoch "
    lines = [f"{line}{experiment.epoch_of(best)}"]
    default = experiment.history.trials.get(0)
    baseline = None if default is None else experiment.value_of(default)
    if best.number and baseline is not None and value is not None:
        lines[0] += f" ({score(value - baseline, is_signed=True)} against the defaults)"
    defaults = {} if default is None else default.values
    for key, chosen in best.values.items():
        was = f"   (default {compact(defaults[key])})" if key in defaults else ""
        lines.append(f"  {key} = {compact(chosen)}{was if chosen != defaults.get(key) else ''}")
    return lines


def _front_lines(experiment: Experiment) -> list[str]:
    if len(experiment.settings.objectives) == 1:
        return []
    lines = ["Pareto front:"]
    for trial, values in experiment.front():
        objectives = ", ".join(f"{metric} {compact(value)}" for metric, value in values.items())
        lines.append(f"  trial {trial.number:04d}  {objectives}")
    return lines


def _confirmed_lines(experiment: Experiment) -> list[str]:
    metric = experiment.settings.objective.metric
    rows = experiment.confirmed()
    return [
        f"confirmed: trial {row['trial']:04d}, mean {metric} {score(row['mean'])} of "
        f"{len(row['values'])} fresh seeds ({', '.join(map(score, row['values']))})"
        for row in rows
    ]


def _importance_lines(experiment: Experiment) -> list[str]:
    shares = experiment.importance
    if not shares:
        return []
    largest = [f"{key} {share:.0%}" for key, share in list(shares.items())[:5]]
    return [f"parameter importance: {', '.join(largest)}"]


def _promotion_lines(promotion: Mapping[str, Any]) -> list[str]:
    parity = promotion["parity"]
    lines = [
        f"promoted: {promotion['onnx']}",
        f"parity: {parity['metric']} {parity['checkpoint']:.6f} checkpoint, "
        f"{parity['onnx']:.6f} ONNX Runtime, difference {parity['difference']:.1e} "
        f"(allowed {parity['tolerance']})",
    ]
    lines += [f"refined: {step['text']}" for step in promotion.get("refinement", ())]
    lines += [f"warning: {warning}" for warning in promotion.get("warnings", ())]
    lines += [_conversion_line(name, parity) for name in ("int8", "engine") if name in parity]
    lines += _latency_lines(parity)
    test = promotion.get("test", {})
    if test:
        lines.append("on the test split:")
        lines += table([(name, score(value)) for name, value in test.items()], indent="  ")
    registry = promotion.get("registry")
    if registry:
        why = f", version {registry['version']} ({registry['why']})" if "why" in registry else ""
        lines.append(f"registered: models:/{registry['name']}@{registry['alias']}{why}")
    return lines


def _latency_lines(parity: Mapping[str, Any]) -> list[str]:
    medians = [
        f"{name} {metrics['latency_p50_ms']:.1f} ms"
        for name, metrics in parity.get("latency", {}).items()
        if "latency_p50_ms" in metrics
    ]
    return [f"median latency: {', '.join(medians)}"] if medians else []


def _conversion_line(name: str, parity: Mapping[str, Any]) -> str:
    model = parity[name]
    if model["value"] is None:
        return f"{name}: {model['file']}, not measured: {model['not_measured']}"
    value, change = f"{model['value']:.6f}", f"{-model['drop']:+.1e}"
    return f"{name}: {model['file']}, {parity['metric']} {value}, {change}"


def _places(experiment: Experiment, state: str) -> list[str]:
    paths = experiment.paths
    lines = [f"journal: {paths.journal}", f"trials: {paths.root / 'trials'}"]
    if paths.leaderboard.exists():
        lines.append(f"leaderboard: {paths.leaderboard}")
    if paths.report.exists():
        lines.append(f"report: {paths.report}")
    if state == "finished" and experiment.settings.tracker == "mlflow":
        return [*lines, *_mlflow_lines(paths)]
    command = next_step(experiment) or "fix the cause and start a new run, with another --out"
    return [*lines, f"next: {command}"]


def _mlflow_lines(paths: ExperimentPaths) -> list[str]:
    """Return the page that compares the trials, or the command that opens it."""
    place = read_derived(paths.mlflow)
    if str(place.get("store", "")).startswith("http") and "compare" in place:
        return [f"compare the trials: {place['store']}/{place['compare']}"]
    return [f"next: automl ui {shlex.quote(str(paths.root))}   (compare the trials in MLflow)"]
