"""The summary of an experiment that commands print."""

import shlex
import textwrap
from collections.abc import Mapping
from typing import Any

from automl.experiment.derived import read_derived
from automl.experiment.experiment import Experiment
from automl.experiment.next_step import next_step
from automl.experiment.paths import ExperimentPaths
from automl.formats import clock, compact, score, short_names, table
from automl.report.class_table import metric_lines
from automl.report.importance import hint
from automl.report.measured import busy, fine_tuned
from automl.trial.trial import Trial

_RANKED = 20
"""Trials of the printed leaderboard; the file has all."""


def summary(experiment: Experiment) -> str:
    """Return the text that run, resume and status print, the most important at its end."""
    state = experiment.state
    best, promotion = experiment.best, experiment.promotion
    promoted = experiment.history.trials.get((promotion or {}).get("trial", -1))
    results = [*_best_lines(experiment, best), *_front_lines(experiment)]
    results += _confirmed_lines(experiment)
    if promotion:
        results += _promoted_lines(experiment, promoted, best)
        results += _promotion_lines(promotion)
    elif best is not None and state == "finished":
        results += [f"files: {experiment.paths.trial(best.number)} (the skill cannot export)"]
    parts = (
        [f"{experiment.paths.root}: {state}"],
        [experiment.settings.route["reason"]]
        if experiment.settings.route.get("is_fallback")
        else [],
        _table(experiment, state),
        _value_lines(experiment, promoted or best),
        _importance_lines(experiment),
        _test_lines(promotion or {}),
        results,
        _places(experiment, state),
    )
    return "\n\n".join("\n".join(part) for part in parts if part)


def _table(experiment: Experiment, state: str) -> list[str]:
    """Return the leaderboard: the best trials, and the defaults wherever they are."""
    metric = experiment.settings.objective.metric
    ranked = list(enumerate(experiment.ranking(), start=1))
    if not ranked:
        return []
    shown = [pair for pair in ranked if pair[0] <= _RANKED or pair[1].number == 0]
    head = ("rank", "trial", metric, "epoch", "epochs", "state", "time")
    lines = table([head, *(_row(experiment, state, *pair) for pair in shown)])
    if len(shown) < len(ranked):
        lines.append(f"and {len(ranked) - len(shown)} more: {experiment.paths.leaderboard}")
    return lines


def _row(experiment: Experiment, state: str, rank: int, trial: Trial) -> tuple[str, ...]:
    return (
        str(rank),
        f"{trial.number:04d}" + (" (defaults)" if trial.number == 0 else ""),
        score(experiment.value_of(trial)),
        str(experiment.epoch_of(trial) or "-"),
        f"{trial.epoch}/{trial.epochs}",
        experiment.shown_state(trial, state)
        + (f" ({trial.failure.kind})" if trial.failure else ""),
        clock(trial.seconds),
    )


def _best_lines(experiment: Experiment, best: Trial | None) -> list[str]:
    if best is None:
        return []
    value = experiment.value_of(best)
    metric = experiment.settings.objective.metric
    line = f"best: trial {best.number:04d}, {metric} {score(value)} at epoch "
    line += f"{experiment.epoch_of(best)}"
    default = experiment.history.trials.get(0)
    baseline = None if default is None else experiment.value_of(default)
    if best.number and baseline is not None and value is not None:
        line += f" ({score(value - baseline, is_signed=True)} against the defaults)"
    return [line]


def _promoted_lines(
    experiment: Experiment, promoted: Trial | None, best: Trial | None
) -> list[str]:
    """Return the trial of the promoted model where somebody chose another than the best."""
    if promoted is None or best is None or promoted.number == best.number:
        return []
    value, highest = experiment.value_of(promoted), experiment.value_of(best)
    line = f"chosen: trial {promoted.number:04d}, {experiment.settings.objective.metric} "
    line += f"{score(value)} at epoch {experiment.epoch_of(promoted)}"
    if value is not None and highest is not None:
        line += f" ({score(value - highest, is_signed=True)} against the best)"
    return [line]


def _value_lines(experiment: Experiment, trial: Trial | None) -> list[str]:
    """Return a trial's values under short names; best.json has the keys of the best."""
    if trial is None or not trial.values:
        return []
    default = experiment.history.trials.get(0)
    defaults = {} if default is None else default.values
    names = short_names(trial.values)
    rows = [
        (names[key], compact(chosen), _default(chosen, defaults[key]) if key in defaults else "")
        for key, chosen in trial.values.items()
    ]
    return [f"values of trial {trial.number:04d}:", *table(rows, indent="  ")]


def _default(chosen: Any, default: Any) -> str:
    return "" if chosen == default else f"(default {compact(default)})"


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
    names = short_names(shares)
    largest = [f"{names[key]} {share:.0%}" for key, share in list(shares.items())[:5]]
    few = f" ({text})" if (text := hint(experiment)) else ""
    return textwrap.wrap(f"parameter importance{few}: {', '.join(largest)}", 78)


def _test_lines(promotion: Mapping[str, Any]) -> list[str]:
    test = promotion.get("test", {})
    return ["on the test split:", *metric_lines(test)] if test else []


def _promotion_lines(promotion: Mapping[str, Any]) -> list[str]:
    parity = promotion["parity"]
    lines = [
        f"promoted: {promotion['onnx']}",
        f"parity: {parity['metric']} {parity['checkpoint']:.6f} checkpoint, "
        f"{parity['onnx']:.6f} ONNX, {_difference(parity['difference'])} "
        f"(allowed {parity['tolerance']})",
    ]
    lines += [f"refined: {step['text']}" for step in promotion.get("refinement", ())]
    lines += [f"warning: {warning}" for warning in promotion.get("warnings", ())]
    lines += [_conversion_line(name, parity) for name in ("int8", "engine") if name in parity]
    lines += [f"int8: {text}" for text in (fine_tuned(parity),) if text]
    lines += _latency_lines(parity)
    registry = promotion.get("registry")
    if registry:
        why = f", version {registry['version']} ({registry['why']})" if "why" in registry else ""
        lines.append(f"registered: models:/{registry['name']}@{registry['alias']}{why}")
    return lines


def _difference(value: float) -> str:
    return f"{value:.1e} apart" if value else "equal"


def _latency_lines(parity: Mapping[str, Any]) -> list[str]:
    medians = [
        f"{name} {metrics['latency_p50_ms']:.1f} ms"
        for name, metrics in parity.get("latency", {}).items()
        if "latency_p50_ms" in metrics
    ]
    if not medians:
        return []
    note = " (the machine was busy)" if busy(parity["latency"]) else ""
    return [f"median latency: {', '.join(medians)}{note}"]


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
    if state == "finished" and "mlflow" in experiment.settings.trackers:
        return [*lines, *_mlflow_lines(paths)]
    command = next_step(experiment) or "fix the cause and start a new run, with another --out"
    return [*lines, f"next: {command}"]


def _mlflow_lines(paths: ExperimentPaths) -> list[str]:
    """Return the page that compares the trials, or the command that opens it."""
    place = read_derived(paths.mlflow)
    if str(place.get("store", "")).startswith("http") and "compare" in place:
        return [f"compare the trials: {place['store']}/{place['compare']}"]
    return [f"next: automl ui {shlex.quote(str(paths.root))}   (compare the trials in MLflow)"]
