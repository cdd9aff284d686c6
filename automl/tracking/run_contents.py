"""Tags, notes, curves and links of an experiment's runs: plain values, without MLflow."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from automl.experiment.derived import read_derived
from automl.experiment.environment import FILE
from automl.experiment.experiment import Experiment
from automl.schema.spec import flatten
from automl.trial.trial import Trial

PICTURES = 8
"""Pictures of the best model's predictions that are uploaded."""
COMPARED = 100
"""Trials on one page of MLflow's comparison; with more it is no longer quick."""


def parent_tags(
    experiment: Experiment, *, root: str, environment: Mapping[str, Any]
) -> dict[str, str]:
    """Return the tags of an experiment's run."""
    settings = experiment.settings
    return {
        "automl.experiment": root,
        "automl.policy": settings.policy,
        "automl.algorithm": settings.algorithm,
        "automl.seed": str(settings.seed),
        "automl.state": "running",
        **_common(experiment, environment),
    }


def child_tags(
    experiment: Experiment,
    trial: Trial,
    *,
    root: str,
    environment: Mapping[str, Any],
    seed_key: str | None,
) -> dict[str, str]:
    """Return the tags of a trial's run as it begins."""
    seed = flatten(experiment.spec_of(trial)).get(seed_key) if seed_key else None
    tags = {
        "automl.experiment": root,
        "automl.trial": str(trial.number),
        "automl.state": trial.state.value,
        **_common(experiment, environment),
    }
    if seed is not None:
        tags["automl.seed"] = str(seed)
    for name in ("parent", "confirms"):
        other = getattr(trial, name)
        if other is not None:
            tags[f"automl.{name}"] = f"{other:04d}"
    return tags


def ended_tags(trial: Trial, folder: Path) -> dict[str, str]:
    """Return the tags of a trial's run as it ends, including the machine that it ran on."""
    tags = {"automl.state": trial.state.value}
    if trial.failure is not None:
        tags["automl.failure"] = trial.failure.kind.value
        tags["automl.failure_message"] = trial.failure.message[:4000]
    for key, value in trial.adjusted.items():
        tags[f"automl.adjusted.{key}"] = str(value)
    ran_on = read_derived(folder / FILE)
    return tags | {
        f"automl.{n}": str(ran_on[n]) for n in ("host", "device", "threads") if n in ran_on
    }


def curves(trial: Trial) -> str:
    """Return a trial's metrics as CSV, a row for each epoch; MLflow shows it as a table."""
    names = list(dict.fromkeys(name for report in trial.reports for name in report.metrics))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["epoch", "time", "decision", *names])
    for report in trial.reports:
        values = [report.metrics.get(name, "") for name in names]
        writer.writerow([report.epoch, report.time, report.decision.value, *values])
    return text.getvalue()


def compare_page(experiment_id: str, run_ids: Sequence[str]) -> str:
    """Return the address, within MLflow's UI, of the comparison with its parallel coordinates."""
    runs, experiments = json.dumps(list(run_ids[:COMPARED])), json.dumps([experiment_id])
    compact = (quote(text.replace(" ", "")) for text in (runs, experiments))
    # Without the last word the page's menu is that of prompts and traces.
    page = "#/compare-runs?runs={}&experiments={}&workflowType=machine_learning"
    return page.format(*compact)


def note(experiment: Experiment, page: str) -> str:
    """Return the description of an experiment's run, in Markdown, with a link to the comparison."""
    settings, best = experiment.settings, experiment.best
    lines = [f"{settings.algorithm}: {settings.budget}"]
    if best is not None:
        value = experiment.value_of(best)
        lines.append(f"best: trial {best.number:04d}, {settings.objective.metric} {value:.6g}")
    lines.append(f"[Compare the trials, with parallel coordinates]({page})")
    return "\n\n".join(lines)


def pictures(promoted: Path) -> list[Path]:
    """Return a few pictures of the promoted model's predictions, if the skill made some."""
    by_folder: dict[Path, list[Path]] = {}
    for path in sorted(promoted.rglob("*.png")) if promoted.is_dir() else ():
        by_folder.setdefault(path.parent, []).append(path)
    return next(iter(by_folder.values()), [])[:PICTURES]


def safe_name(name: str) -> str:
    """Return a metric name in the characters that MLflow allows."""
    return "".join(c if c.isalnum() or c in "_-. /" else "_" for c in name)


def _common(experiment: Experiment, environment: Mapping[str, Any]) -> dict[str, str]:
    tags = {
        "automl.data_fingerprint": str(experiment.settings.data.get("fingerprint", "")),
        # MLflow shows these two in their own columns.
        "mlflow.source.name": "automl run",
        "mlflow.source.type": "LOCAL",
    }
    commit = environment.get("skill_commit", environment.get("commit"))
    if commit is not None:
        tags["mlflow.source.git.commit"] = tags["automl.git_commit"] = str(commit)
    return tags
