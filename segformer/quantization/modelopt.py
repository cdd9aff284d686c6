"""A network in 8 bits by NVIDIA's Model Optimizer: calibrated in torch, written as ONNX."""

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
"""Between the ranges whose entropy is compared: all of them would take minutes."""
_HEAD_AS_TRAINED = "network.head."
"""Of a folded network, whose own head is computed in its place."""


def write_modelopt(
    spec: Spec, source: Path, target: Path, *, layers: Sequence[tuple[str, bool]]
) -> None:
    """Write a checkpoint as an ONNX model in 8 bits, at the size of its images.

    Linear layers and convolutions get symmetric ranges, of weights one for each output channel:
    as TensorRT's parser wants them.

    Args:
        spec: Algorithm, calibration images, and what the checkpoint does not say of itself.
        source: A checkpoint in 32 bits.
        target: The ONNX file to write.
        layers: Patterns of layer names and whether they are quantized; the last match wins.

    Raises:
        SpecError: modelopt is not installed, or a pattern fits no layer.
    """
    check_installed("modelopt")
    saved = read_model(source, otherwise=ModelRecord.of(spec))
    network = deployable(saved.build(), saved.record, channels=3)
    chosen = _chosen(network, layers)
    with _quiet():
        # Importing it takes seconds: only who quantizes by it waits for it.
        import modelopt.torch.quantization as mtq

        mtq.quantize(network, _config(chosen, spec.quantize))
    images = evenly(calibration_images(spec), spec.quantize.calibration_images)
    _calibrate(network, batches(images, saved.record), spec.quantize)
    side = saved.record.segment["img_size"]
    options = spec.export.model_copy(
        update={"input_height": side, "input_width": side, "input_channel": 3, "batch_size": -1}
    )
    write_graph(
        with_constants_folded(onnx_graph(network, options=options, record=saved.record)), target
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep modelopt from printing, and from warning of what it uses itself."""
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
    """Find the ranges: of weights their extremes, of activations as the algorithm says."""
    from modelopt.torch.quantization.calib import HistogramCalibrator
    from modelopt.torch.quantization.nn import TensorQuantizer

    found = [m for m in network.modules() if isinstance(m, TensorQuantizer) and m.is_enabled]
    for quantizer in found:
        quantizer.disable_quant()
        quantizer.enable_calib()
    for batch in images:
        network(batch)
    ways: dict[str, dict[str, Any]] = {
        "entropy": {"method": "entropy", "stride": _STRIDE},
        "percentile": {"method": "percentile", "percentile": options.percentile},
    }
    for quantizer in found:
        has_choice = isinstance(quantizer._calibrator, HistogramCalibrator)
        quantizer.load_calib_amax(**(ways[options.algorithm] if has_choice else {}))
        quantizer.enable_quant()
        quantizer.disable_calib()


def _chosen(network: nn.Module, layers: Sequence[tuple[str, bool]]) -> list[str]:
    """Return the names, within `network`, of the layers to quantize."""
    full = {
        _short(name): name
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d) and _HEAD_AS_TRAINED not in name
    }
    return [full[name] for name in quantized_layers(list(full), layers)]


def _short(name: str) -> str:
    """Without the place in the folded network: backbone..., head..."""
    return name.removeprefix("0.").removeprefix("network.")
