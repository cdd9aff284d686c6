"""The model card: what a promoted model is, how good, of what, and how to load it."""

from collections.abc import Mapping
from typing import Any

import yaml

from automl.experiment.experiment import Experiment
from automl.skill.info import SkillInfo


def model_card(experiment: Experiment, info: SkillInfo, promotion: Mapping[str, Any]) -> str:
    """Return the card as Markdown."""
    settings, trial = experiment.settings, experiment.ledger.trials[promotion["trial"]]
    parity = promotion["parity"]
    parts = [
        f"# {info.name}, trial {trial.number:04d} of {experiment.paths.root.resolve().name}",
        "| | |\n| --- | --- |",
        f"| {parity['metric']} (validation) | {parity['checkpoint']:.6f} |",
        f"| epoch | {parity['epoch']} |",
        f"| data | {_data(settings.data)} |",
        "| licence | not stated; the data's licence decides, add yours here |",
        "",
        "## How it was proved",
        "| model | " + f"{parity['metric']} | difference |\n| --- | --- | --- |",
        f"| checkpoint | {parity['checkpoint']:.6f} | |",
        f"| ONNX Runtime | {parity['onnx']:.6f} | {parity['difference']:.1e} |",
        *_conversions(parity),
        "",
        _logits(parity),
        "",
        *_latency(parity),
        "## On the test split",
        "| metric | value |\n| --- | --- |",
        *(f"| {name} | {_figure(value)} |" for name, value in promotion["test"].items()),
        "",
        "## How to load it",
        "```python",
        info.usage.strip() or _ONNX_RUNTIME,
        "```",
        "",
        "## What it was trained with",
        "```yaml",
        yaml.safe_dump(experiment.spec_of(trial), sort_keys=False, allow_unicode=True).strip(),
        "```",
        "",
        "Versions: " + ", ".join(f"{k} {v}" for k, v in settings.versions.items()),
    ]
    return "\n".join(parts) + "\n"


_ONNX_RUNTIME = """import onnxruntime
session = onnxruntime.InferenceSession("model.onnx")
outputs = session.run(None, {session.get_inputs()[0].name: inputs})"""


def _data(data: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in data.items()) or "not described"


def _conversions(parity: Mapping[str, Any]) -> list[str]:
    rows = []
    for name in ("int8", "engine"):
        if name in parity:
            told = parity[name]
            value = told["value"]
            shown = "not measured here" if value is None else f"{value:.6f}"
            drop = "" if value is None else f"{told['drop']:+.1e} worse"
            rows.append(f"| {name} ({told['file']}) | {shown} | {drop} |")
    return rows


def _latency(parity: Mapping[str, Any]) -> list[str]:
    """Return a section on how fast each model is; none where the skill does not tell."""
    told = parity.get("latency", {})
    if not told:
        return []
    columns = {
        "latency_p50_ms": "median ms",
        "latency_p95_ms": "95th percentile ms",
        "images_per_s": "images/s",
        "memory_mb": "memory MB",
        "latency_batch": "batch",
        "latency_threads": "threads",
    }
    rows = [
        "| " + " | ".join([name, *(_short(metrics.get(key)) for key in columns)]) + " |"
        for name, metrics in told.items()
    ]
    return [
        "## How fast it is",
        f"On {parity['machine']}; the checkpoint by itself, onnx and int8 in ONNX Runtime. Memory "
        "is that of the whole process.",
        "",
        "| model | " + " | ".join(columns.values()) + " |",
        "| --- |" + " --- |" * len(columns),
        *rows,
        "",
    ]


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _logits(parity: Mapping[str, Any]) -> str:
    largest = parity.get("max_logit_difference")
    return "" if largest is None else f"Largest difference of an output: {largest:.1e}."


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
