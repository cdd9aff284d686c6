"""Quantization by NVIDIA's Model Optimizer: calibrated in torch, written as ONNX.

mtq.quantize only inserts the quantizers here. They are calibrated by hand, because the entropy of
every possible range would take minutes: they are switched to collecting statistics, the images run
through the network, and the ranges are computed from the statistics with a larger stride.
"""

import contextlib
import io
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from segformer.export.graph import write_graph
from segformer.export.onnx import deployable, onnx_graph
from segformer.model.saved import ModelRecord, read_model
from segformer.quantization.backends import check_installed
from segformer.quantization.calibration import batches, calibration_images, evenly
from segformer.quantization.constants import with_constants_folded
from segformer.quantization.layers import quantized_layers
from segformer.spec.sections.deploy import Quantize
from segformer.spec.spec import Spec

_STRIDE = 32
"""Step between the ranges whose entropy is compared; to compare all would take minutes."""
_HEAD_AS_TRAINED = "network.head."
"""The head of the network inside a folded one, which computes its own instead."""


def write_modelopt(
    spec: Spec, source: Path, target: Path, *, layers: Sequence[tuple[str, bool]]
) -> None:
    """Write a checkpoint as an ONNX model in 8 bits, at the size of its training.

    Linear layers and convolutions get symmetric ranges, one for each output channel of the weights,
    as TensorRT's parser requires.

    Args:
        spec: Algorithm, calibration images, and the record of a checkpoint that has none.
        source: A checkpoint in 32 bits.
        target: The ONNX file to write.
        layers: Patterns of layer names, and whether these are quantized; the last match wins.

    Raises:
        SpecError: modelopt is not installed, or a pattern matches no layer.
    """
    check_installed("modelopt")
    saved = read_model(source, otherwise=ModelRecord.of(spec))
    network = deployable(saved.build(), saved.record, channels=saved.record.channels)
    chosen = _chosen(network, layers)
    with _quiet():
        # Imported late, because it takes seconds.
        import modelopt.torch.quantization as mtq

        mtq.quantize(network, _config(chosen, spec.quantize))
    images = evenly(calibration_images(spec), spec.quantize.calibration_images)
    _calibrate(network, batches(images, saved.record), spec.quantize)
    height, width = saved.record.size
    options = spec.export.model_copy(
        update={"input_height": height, "input_width": width, "input_channel": 3, "batch_size": -1}
    )
    write_graph(
        with_constants_folded(onnx_graph(network, options=options, record=saved.record)), target
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the output of modelopt, and warnings about its own calls."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _config(names: Sequence[str], options: Quantize) -> dict[str, Any]:
    ranges = "max" if options.algorithm == "max" else "histogram"
    entries: list[dict[str, Any]] = [{"quantizer_name": "*", "enable": False}]
    for name in names:
        weight = {"num_bits": 8, "axis": 0}
        activation = {"num_bits": 8, "axis": None, "calibrator": ranges}
        entries.append({"quantizer_name": f"{name}.weight_quantizer", "cfg": weight})
        entries.append({"quantizer_name": f"{name}.input_quantizer", "cfg": activation})
    return {"quant_cfg": entries, "algorithm": None}


@torch.no_grad()
def _calibrate(network: nn.Module, images: Iterator[torch.Tensor], options: Quantize) -> None:
    """Compute the ranges: extremes for weights, the chosen algorithm for activations."""
    from modelopt.torch.quantization.calib import HistogramCalibrator
    from modelopt.torch.quantization.nn import TensorQuantizer

    quantizers = [m for m in network.modules() if isinstance(m, TensorQuantizer) and m.is_enabled]
    for quantizer in quantizers:
        quantizer.disable_quant()
        quantizer.enable_calib()
    for batch in images:
        network(batch)
    arguments: dict[str, dict[str, Any]] = {
        "entropy": {"method": "entropy", "stride": _STRIDE},
        "percentile": {"method": "percentile", "percentile": options.percentile},
    }
    for quantizer in quantizers:
        has_histogram = isinstance(quantizer._calibrator, HistogramCalibrator)
        quantizer.load_calib_amax(**(arguments[options.algorithm] if has_histogram else {}))
        quantizer.enable_quant()
        quantizer.disable_calib()


def _chosen(network: nn.Module, layers: Sequence[tuple[str, bool]]) -> list[str]:
    """Return the names of the layers to quantize, as they are in `network`."""
    full = {
        _short(name): name
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d) and _HEAD_AS_TRAINED not in name
    }
    return [full[name] for name in quantized_layers(list(full), layers)]


def _short(name: str) -> str:
    """The name without its prefix in the folded network: backbone..., head..."""
    return name.removeprefix("0.").removeprefix("network.")
