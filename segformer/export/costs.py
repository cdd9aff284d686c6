"""The costs of a model, measured before training since they do not depend on the weights."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from segformer.export.onnx import write_onnx
from segformer.model.onnx_runtime import onnxruntime
from segformer.model.saved import ModelRecord
from segformer.model.segformer import FoldedSegFormer, SegFormer, build
from segformer.spec.spec import Spec

_WARM_UP, _RUNS = 3, 20
_MB = 1024 * 1024
_COPIES = 4
"""Copies of the weights in a training: weights, gradients, and Adam's two moments."""


def measure(spec: Spec, names: Collection[str]) -> dict[str, float]:
    """Return the costs of a spec's model.

    parameters: the number of weights. gflops: 1e9 floating-point operations for one image of the
    spec's size, counting a multiplication and an addition as two. latency_ms: median time for one
    image in ONNX Runtime on this machine, of the exported model with random weights. memory_mb: of
    a training step at the spec's batch size, weights with gradients and Adam's moments, and the
    activations kept for the backward pass. memory_limit_mb: the memory of the device.
    """
    measurements: dict[str, Callable[[Spec], float]] = {
        "parameters": _parameters,
        "gflops": _gflops,
        "latency_ms": _latency_ms,
        "memory_mb": _memory_mb,
        "memory_limit_mb": _memory_limit_mb,
    }
    return {name: measurements[name](spec) for name in names}


def _weightless(spec: Spec) -> SegFormer:
    """Return the network on the meta device, which allocates no memory for weights."""
    with torch.device("meta"):
        return _network(spec)


def _network(spec: Spec) -> SegFormer:
    segment = spec.dataset.segment
    return build(spec.model, num_classes=segment.num_classes, in_channels=segment.channels)


def _image(spec: Spec, batch: int) -> Tensor:
    segment = spec.dataset.segment
    return torch.empty(batch, segment.channels, *segment.size, device="meta")


def _parameters(spec: Spec) -> float:
    return float(sum(p.numel() for p in _weightless(spec).parameters()))


def _gflops(spec: Spec) -> float:
    # As exported, with products of constant weights computed beforehand.
    network = FoldedSegFormer(_weightless(spec)).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(_image(spec, 1))
    return float(counter.get_total_flops()) / 1e9


def _memory_mb(spec: Spec) -> float:
    network = _weightless(spec).train()
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage.nbytes()
        held.append(tensor)
        return tensor

    # Keeps the storages alive: the address of a freed one could be used again.
    held: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = network(_image(spec, spec.dataset.segment.batch_size))
    weights = {p.untyped_storage()._cdata: p.untyped_storage().nbytes()
               for p in network.parameters()}  # fmt: skip
    activations = sum(size for place, size in kept.items() if place not in weights)
    del output
    return (_COPIES * sum(weights.values()) + activations) / _MB


def _memory_limit_mb(spec: Spec) -> float:
    if torch.cuda.is_available():
        return float(torch.cuda.get_device_properties(0).total_memory) / _MB
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / _MB


def _latency_ms(spec: Spec) -> float:
    height, width = spec.dataset.segment.size
    options = spec.export.model_copy(
        update={"input_height": height, "input_width": width, "input_channel": 3, "batch_size": 1}
    )
    network = _network(spec).eval()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        write_onnx(network, path, options=options, record=ModelRecord.of(spec))
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    image = {"input": np.zeros((1, spec.dataset.segment.channels, height, width), dtype=np.float32)}
    times = []
    for _ in range(_WARM_UP + _RUNS):
        began = time.perf_counter()
        session.run(None, image)
        times.append(time.perf_counter() - began)
    return statistics.median(times[_WARM_UP:]) * 1000
