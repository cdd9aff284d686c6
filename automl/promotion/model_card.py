"""The model card: a promoted model's origin, quality, speed and usage."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from automl.experiment.experiment import Experiment
from automl.experiment.settings import weights_in_words
from automl.formats import compact, score
from automl.promotion.gates import EXPORTS, LATENCY
from automl.report.measured import WORDS, busy, fine_tuned
from automl.skill.info import SkillInfo
from automl.version import __version__


def model_card(experiment: Experiment, info: SkillInfo, promotion: Mapping[str, Any]) -> str:
    """Return the card as Markdown."""
    settings, trial = experiment.settings, experiment.history.trials[promotion["trial"]]
    parity = promotion["parity"]
    parts = [
        f"# {info.name}, trial {trial.number:04d} of {experiment.paths.root.resolve().name}",
        "| | |\n| --- | --- |",
        f"| {parity['metric']} (validation) | {parity['checkpoint']:.6f} |",
        f"| epoch | {parity['epoch']} |",
        f"| data | {_data(settings.data)} |",
        f"| code | {_code(promotion['commit'])} |",
        *_weights(promotion["weights"]),
        f"| licence | {_licence(promotion['weights'])} |",
        *_refinement(promotion),
        *_warnings(promotion),
        "",
        "## Verification",
        "| model | " + f"{parity['metric']} | difference |\n| --- | --- | --- |",
        f"| checkpoint | {parity['checkpoint']:.6f} | |",
        f"| ONNX Runtime | {parity['onnx']:.6f} | {_difference(parity['difference'])} |",
        *_conversions(parity),
        "",
        *_fine_tuning(parity),
        _logits(parity),
        *_exports(parity),
        "",
        *_latency(parity),
        *_classes(promotion["classes"]),
        *_calibration(promotion.get("calibration", {})),
        "## On the test split",
        "| metric | value |\n| --- | --- |",
        *(f"| {name} | {score(value)} |" for name, value in promotion["test"].items()),
        "",
        "## Usage",
        "```python",
        info.usage.strip() or _ONNX_RUNTIME,
        "```",
        "",
        "## Training settings",
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
    facts = (f"{key} {'none' if value == '' else value}" for key, value in data.items())
    return ", ".join(facts) or "not described"


def _difference(value: float) -> str:
    return f"{value:.1e}" if value else "none"


def _code(commit: str | None) -> str:
    version = f"automl {__version__}"
    return version if commit is None else f"{version}, commit {commit}"


def _classes(scores: Mapping[str, float]) -> list[str]:
    """Return a section on the score of each class; none if the skill reports none."""
    if not scores:
        return []
    rows = (f"| {name} | {score(value)} |" for name, value in scores.items())
    return ["## Classes (validation)", "| class | score |\n| --- | --- |", *rows, ""]


def _weights(weights: Mapping[str, str]) -> list[str]:
    text = weights_in_words(weights)
    return [] if text is None else [f"| initial weights | {text} |"]


def _licence(weights: Mapping[str, str]) -> str:
    if "licence" not in weights:
        return "not stated; the data's licence decides, add yours here"
    return "not stated; the licences of the data and of the initial weights decide, add yours here"


def _refinement(promotion: Mapping[str, Any]) -> list[str]:
    """Return a section on what was made of the trial's checkpoint; none if nothing was tried."""
    steps = promotion.get("refinement", ())
    return ["", "## Refinement", *(f"- {step['text']}" for step in steps)] if steps else []


def _warnings(promotion: Mapping[str, Any]) -> list[str]:
    """Return a section on what the model lacks; none if nothing was noticed."""
    warnings = promotion["warnings"]
    return ["", "## Warnings", *(f"- {warning}" for warning in warnings)] if warnings else []


def _conversions(parity: Mapping[str, Any]) -> list[str]:
    rows = []
    for name in ("int8", "engine"):
        if name in parity:
            model = parity[name]
            value = model["value"]
            figure = "not measured here" if value is None else f"{value:.6f}"
            drop = "" if value is None else f"{model['drop']:+.1e} worse"
            rows.append(f"| {name} ({model['file']}) | {figure} | {drop} |")
    return rows


def _fine_tuning(parity: Mapping[str, Any]) -> list[str]:
    """Return what quantization-aware fine-tuning brought; nothing if there was none."""
    text = fine_tuned(parity)
    return [f"{text[0].upper()}{text[1:]}.", ""] if text else []


_ALWAYS = tuple(key for key in LATENCY if key != "latency_runs" and "best" not in key)
_BEST_BATCH = tuple(key for key in LATENCY if "best" in key)


def _exports(parity: Mapping[str, Any]) -> list[str]:
    """Say how many pixels change their class where another program scales the pictures."""
    return [
        f"In {name}: {key.replace('_', ' ')} {value:.2%}."
        for name in EXPORTS
        for key, value in parity.get(name, {}).items()
        if key.endswith("changed_pixels")
    ]


def _latency(parity: Mapping[str, Any]) -> list[str]:
    """Return a section on the speed of each model; none if the skill does not report it."""
    latencies = parity.get("latency", {})
    if not latencies:
        return []
    warning = busy(latencies)
    return [
        "## Speed",
        f"On {parity['machine']}; the checkpoint in its own framework, onnx and int8 in ONNX "
        "Runtime. Memory is that of the whole process."
        + (f" {warning}" if warning else "")
        + _speedup(parity),
        "",
        *_speeds(latencies, _ALWAYS),
        *_best_batches(latencies),
    ]


def _best_batches(latencies: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return a table of the batches with the most images a second; none if none was sought."""
    sought = {name: own for name, own in latencies.items() if _BEST_BATCH[0] in own}
    if not sought:
        return []
    return ["The batch that makes the most images a second:", "", *_speeds(sought, _BEST_BATCH)]


def _speeds(latencies: Mapping[str, Mapping[str, float]], keys: Sequence[str]) -> list[str]:
    return [
        "| model | " + " | ".join(WORDS[key] for key in keys) + " |",
        "| --- |" + " --- |" * len(keys),
        *(
            "| " + " | ".join([name, *(compact(own.get(key)) for key in keys)]) + " |"
            for name, own in latencies.items()
        ),
        "",
    ]


def _speedup(parity: Mapping[str, Any]) -> str:
    speedup = parity.get("int8", {}).get("speedup")
    if speedup is None:
        return ""
    return f" In turns on one thread, int8 is {speedup:.2f} times as fast as onnx."


def _calibration(measured: Mapping[str, float]) -> list[str]:
    """Return a section on the model's confidence; none if the skill does not report it."""
    pairs = [
        (name.removesuffix("_ece"), value, measured[f"{name}_calibrated"])
        for name, value in measured.items()
        if f"{name}_calibrated" in measured
    ]
    if not pairs:
        return []
    return [
        "## Calibration",
        f"Logits are divided by one temperature, {compact(measured.get('temperature'))}, before "
        "they become probabilities. It was fitted on the validation split.",
        "",
        "| split | expected calibration error | calibrated |\n| --- | --- | --- |",
        *(f"| {split} | {score(before)} | {score(after)} |" for split, before, after in pairs),
        "",
    ]


def _logits(parity: Mapping[str, Any]) -> str:
    largest = parity.get("max_logit_difference")
    return "" if largest is None else f"Largest difference of an output: {largest:.1e}."
