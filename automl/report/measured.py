"""The measurements of parity.json in words for people, and a warning where they say little."""

from collections.abc import Mapping
from typing import Any

from automl.formats import compact, score

WORDS = {
    "recorded": "in the search",
    "checkpoint": "the checkpoint, measured again",
    "onnx": "the ONNX model in ONNX Runtime",
    "difference": "difference of the two models",
    "tolerance": "allowed difference",
    "is_equal": "within it",
    "max_logit_difference": "largest difference of a raw output",
    "checkpoint_sha256": "SHA-256 of the checkpoint",
    "onnx_sha256": "SHA-256 of the ONNX model",
    "latency_p50_ms": "median, ms",
    "latency_p95_ms": "95th percentile, ms",
    "images_per_s": "images a second",
    "memory_mb": "memory of the process, MB",
    "latency_batch": "images in a batch",
    "latency_threads": "threads",
    "latency_runs": "runs",
    "latency_load": "load of each core",
    "best_batch_size": "images in the best batch",
    "best_batch_p50_ms": "median of the best batch, ms",
    "best_batch_p95_ms": "95th percentile of the best batch, ms",
    "best_batch_images_per_s": "images a second in the best batch",
    "bilinear_changed_pixels": "pixels of another class if scaled bilinearly",
    "nearest_changed_pixels": "pixels of another class if scaled to the nearest",
}
"""What a name of parity.json means."""
BUSY = 0.5
"""Processes that wanted to run, for each core, from which a time says little."""


def busy(latencies: Mapping[str, Mapping[str, float]]) -> str:
    """Return a sentence if the machine was busy while latencies were measured, else nothing."""
    load = max((metrics.get("latency_load", 0.0) for metrics in latencies.values()), default=0.0)
    if load < BUSY:
        return ""
    return (
        f"The machine was busy ({compact(load)} processes wanted each core): measure again on a "
        "quiet one."
    )


def fine_tuned(parity: Mapping[str, Any]) -> str:
    """Return what quantization-aware fine-tuning of the int8 model brought; "" if there was none.

    The skill reports a metric without it and with it, and which of the two models it kept.
    """
    facts, ending = parity.get("int8", {}), "_without_qat"
    metric = next((key.removesuffix(ending) for key in facts if key.endswith(ending)), None)
    if metric is None:
        return ""
    values = (score(facts[f"{metric}_{which}_qat"]) for which in ("without", "with"))
    verdict = "kept" if facts["qat_is_kept"] else "no better, so left out"
    return (
        f"quantization-aware fine-tuning, epochs {facts['qat_epochs']:g}: {metric} "
        f"{' without, '.join(values)} with it: {verdict}"
    )
