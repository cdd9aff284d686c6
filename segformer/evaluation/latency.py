"""Latency and memory of a model of any format, measured on noise."""

import math
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from segformer.evaluation.predictor import Predictor, load_predictor
from segformer.model.saved import ModelRecord
from segformer.spec.sections.evaluate import Latency

_WARM_UP = 3
_ENOUGH, _LIMIT_S = 5, 60.0
"""After `_LIMIT_S` seconds a slow model stops at `_ENOUGH` runs."""
_MB = 1024 * 1024
_GAIN = 1.02
"""How many times as many images a second a larger batch must make to be better."""
_LONGEST_S = 4.0
"""Seconds that a batch may be expected to take, if it is to be tried as the best."""


def measured_latency(
    path: Path, *, otherwise: ModelRecord, device: torch.device, options: Latency
) -> dict[str, float]:
    """Return what `options.batch_size` images of the model's own size cost.

    latency_p50_ms and latency_p95_ms: from images in memory to logits in memory, including the
    transfers of a GPU. images_per_s: from the mean latency. memory_mb: the peak memory of this
    process meanwhile, with Python and all libraries; on a GPU, the memory in use by all processes
    at the end; missing if the system does not report it. latency_batch, latency_threads and
    latency_runs: the conditions. latency_load: processes that wanted to run, for each core, in the
    minute before. With `options.largest_batch`, best_batch_size and best_batch_*: the batch that
    makes the most images a second. Raises `CheckpointError`.
    """
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    with _threads(options.threads) as threads:
        has_peak = _reset_peak()
        # Loaded again, since ONNX Runtime fixes its number of threads when it loads a model.
        predictor = load_predictor(path, otherwise=otherwise, device=device)
        seconds = _timed(predictor, _noise(predictor, options.batch_size), options.runs)
        memory = _memory(device, has_peak)
        best = _best_batch(predictor, options, seconds)
    return {
        **_times(seconds, "latency_"),
        "images_per_s": options.batch_size / float(np.mean(seconds)),
        "latency_batch": float(options.batch_size),
        "latency_threads": float(threads),
        "latency_runs": float(len(seconds)),
        "latency_load": load,
        **memory,
        **best,
    }


def _best_batch(
    predictor: Predictor, options: Latency, seconds: Sequence[float]
) -> dict[str, float]:
    """Return size and times of the batch that makes the most images a second, by doubling it.

    `seconds` are those of `options.batch_size`. It ends at the first batch that is hardly faster
    than the one before, takes too long or does not fit in the GPU's memory. Each size gets as many
    images.
    """
    best: dict[str, float] = {}
    size, most = 1, 0.0
    while size <= options.largest_batch and size < _LONGEST_S * (most or math.inf):
        runs, own = max(_ENOUGH, options.runs // size), seconds
        if size != options.batch_size:
            try:
                own = _timed(predictor, _noise(predictor, size), runs)
            except torch.OutOfMemoryError:
                break
        rate = size / float(np.mean(own))
        if rate < _GAIN * most:
            break
        times = _times(own, "best_batch_")
        best = {"best_batch_size": float(size), **times, "best_batch_images_per_s": rate}
        size, most = 2 * size, rate
    return best


def _times(seconds: Sequence[float], prefix: str) -> dict[str, float]:
    p50, p95 = np.percentile(seconds, (50, 95)).tolist()
    return {f"{prefix}p50_ms": 1000 * p50, f"{prefix}p95_ms": 1000 * p95}


def _noise(predictor: Predictor, batch: int) -> Tensor:
    shape = batch, predictor.record.channels, *predictor.record.size
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def _memory(device: torch.device, has_peak: bool) -> dict[str, float]:
    """Return the memory in MB, {} where the system does not report it."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return {"memory_mb": (total - free) / _MB}
    return {"memory_mb": _peak_mb()} if has_peak else {}


@torch.inference_mode()
def latencies_in_turns(
    paths: Sequence[Path], *, otherwise: ModelRecord, rounds: int
) -> list[float]:
    """Return the median seconds of an image for each of several models, on one thread of the CPU.

    The seconds are those of the processor, and the models take turns: other load on the machine
    stretches neither of them alone, so that their ratio holds.
    """
    device = torch.device("cpu")
    with _threads(1):
        predictors = [load_predictor(path, otherwise=otherwise, device=device) for path in paths]
        images = [_noise(each, 1) for each in predictors]
        seconds: list[list[float]] = [[] for _ in paths]
        for turn in range(_WARM_UP + rounds):
            for own, predictor, image in zip(seconds, predictors, images, strict=True):
                began = time.process_time()
                predictor.logits(image)
                if turn >= _WARM_UP:
                    own.append(time.process_time() - began)
    return [float(np.median(own)) for own in seconds]


@torch.inference_mode()
def _timed(predictor: Predictor, images: Tensor, runs: int) -> list[float]:
    for _ in range(_WARM_UP):
        predictor.logits(images).cpu()
    seconds: list[float] = []
    while len(seconds) < runs and (len(seconds) < _ENOUGH or sum(seconds) < _LIMIT_S):
        began = time.perf_counter()
        predictor.logits(images).cpu()
        seconds.append(time.perf_counter() - began)
    return seconds


@contextmanager
def _threads(count: int) -> Iterator[int]:
    """Compute with `count` threads; 0 keeps the present number."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield count or before
    finally:
        torch.set_num_threads(before)


def _reset_peak() -> bool:
    """Reset the kernel's peak of this process's memory; return whether that is possible."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
        return True
    return False


def _peak_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    (peak,) = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(peak) / 1024
