"""8 bits in an ONNX graph as pairs of QuantizeLinear and DequantizeLinear, by ONNX Runtime's tools.

Static quantization has two steps. Calibration runs images through the graph and records a range
for every activation, from which follow a scale and, on the CPU, a zero point. Then a pair of nodes
that round to that scale is put before the inputs of each quantized layer. A runtime fuses pairs and
layer into an 8-bit kernel. Weights are constants, whose ranges need no images.

The two targets differ. TensorRT's parser requires symmetric ranges, that is zero points of 0, and
biases in 32 bits. ONNX Runtime on the CPU takes unsigned activations with a zero point, and is fast
only if its fused operators are kept; see `segformer.quantization.fusion`.
"""

import segformer.model.onnx_runtime  # noqa: F401  # First: it turns reports off.

# isort: split

import contextlib
import io
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.calibrate import load_tensors_data
from onnxruntime.quantization.shape_inference import quant_pre_process

from segformer.errors import CheckpointError, SpecError
from segformer.evaluation.grey import with_channels
from segformer.evaluation.predictor import check_input_size
from segformer.export.graph import read_graph, write_graph
from segformer.model.saved import ENTRY, record_from_json
from segformer.quantization.calibration import batches
from segformer.quantization.fusion import QUANTIZED, left_in_32_bits, renamed, write_fused
from segformer.quantization.layers import quantized_layers
from segformer.quantization.mixed import MixedGraph
from segformer.storage.atomic import replacing
from segformer.storage.encryption import reading, writing
from segformer.storage.scratch import scratch

_METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "max": CalibrationMethod.MinMax,
    "entropy": CalibrationMethod.Entropy,
    "percentile": CalibrationMethod.Percentile,
}
_FOR_TENSORRT = ["Conv", "MatMul", "Gemm"]
"""Operators with 8-bit kernels in TensorRT, which fuses the operators between them."""


@dataclass(frozen=True)
class QdqSettings:
    """How a graph is quantized."""

    algorithm: str = "minmax"
    percentile: float = 99.99
    per_channel: bool = True
    """Whether each channel of the weights has a range of its own."""
    keeps_residuals: bool = True
    """Whether the sums of the residual stream stay in 32 bits; on the CPU alone."""
    for_tensorrt: bool = False
    """For TensorRT's parser: symmetric ranges and biases in 32 bits. Otherwise for ONNX Runtime on
    the CPU: zero points, and only the nodes that `segformer.quantization.fusion` chooses."""
    keeps_activations: bool = False
    """Whether ReLU and Clip stay nodes, which layers put back into 32 bits need; ONNX Runtime
    drops them when it loads the model. Otherwise the ranges of 8 bits stand for them."""
    layers: Sequence[tuple[str, bool]] = ()
    """Patterns of node names, and whether these are quantized; the last match wins."""
    cache: Path | None = field(default=None)
    """Ranges of an earlier calibration, used instead of images; written if the file is missing."""


def quantize_onnx(
    source: Path, target: Path, images: Sequence[Path], settings: QdqSettings
) -> None:
    """Write the int8 graph of an exported fp32 graph, calibrated on images, with its metadata.

    Raises as `quantized_graph` does.
    """
    write_graph(quantized_graph(source, images, settings).quantized, target)


def quantized_graph(source: Path, images: Sequence[Path], settings: QdqSettings) -> MixedGraph:
    """Return the int8 graph of an exported fp32 graph, calibrated on images, with its metadata.

    Raises `SpecError` for a pattern that matches no layer, too few images for a fixed batch, a size
    other than that of the training, or a cache that cannot be used, and `CheckpointError` for a
    model that cannot be read.
    """
    graph = read_graph(source)
    excluded = _excluded(graph, settings.layers)
    reader = Images(images, graph, source)
    # The histogram methods keep all activations of a stride in memory: one image at a time.
    stride = None if settings.algorithm in ("minmax", "max") else 1
    form = _form(settings)
    form["extra_options"]["CalibStridedMinMax"] = stride
    with scratch() as folder, _ranges(settings, folder) as cache, _quiet():
        names = ("plain", "prepared", "quantized")
        plain, prepared, written = (folder / f"{name}.onnx" for name in names)
        onnx.save(graph, str(plain))
        excluded = _prepare(plain, prepared, excluded, settings)
        quantize_static(
            prepared,
            written,
            reader,
            quant_format=QuantFormat.QDQ,
            calibrate_method=_METHODS[settings.algorithm],
            per_channel=settings.per_channel,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=excluded,
            calibration_cache_path=cache,
            **form,
        )
        mixed = MixedGraph(onnx.load(str(prepared)), onnx.load(str(written)))
    entries = {entry.key: entry.value for entry in graph.metadata_props}
    onnx.helper.set_model_props(mixed.quantized, entries)
    return mixed


@contextlib.contextmanager
def _ranges(settings: QdqSettings, folder: Path) -> Iterator[Path | None]:
    """Yield the file of ranges that ONNX Runtime reads, or writes if there is none yet.

    The cache itself may be encrypted, of which ONNX Runtime knows nothing; so it works on a plain
    copy in the scratch folder.
    """
    kept = settings.cache
    if kept is None:
        yield None
        return
    plain = folder / "ranges.json"
    exists = kept.exists()
    if exists:
        with reading(kept) as file:
            plain.write_bytes(file.read())
        _check_ranges(plain, kept, _METHODS[settings.algorithm])
    yield plain
    if not exists:
        with replacing(kept) as part, writing(part) as file:
            file.write(plain.read_bytes())


def _check_ranges(plain: Path, kept: Path, method: CalibrationMethod) -> None:
    try:
        written_by = load_tensors_data(plain).calibration_method
    except (ValueError, KeyError, TypeError) as error:
        raise SpecError(
            f"{kept}: is not a cache of calibration ranges ({type(error).__name__}); "
            "remove it or give another name"
        ) from error
    if written_by != method:
        raise SpecError(
            f"{kept}: was written with {written_by}, but the spec asks for {method}; remove it "
            "or give another name"
        )


def _prepare(source: Path, prepared: Path, excluded: list[str], settings: QdqSettings) -> list[str]:
    """Write the graph to quantize, and return the nodes to leave in 32 bits."""
    if settings.for_tensorrt:
        # Only the batch is symbolic, so plain shape inference suffices, ten times as fast.
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        return excluded
    write_fused(source, prepared)
    graph = onnx.load(str(prepared)).graph
    kept = left_in_32_bits(graph, keeps_residuals=settings.keeps_residuals)
    return renamed(excluded, graph) + kept


def _form(settings: QdqSettings) -> dict[str, Any]:
    options: dict[str, Any] = {
        # Quantize products with weights only, not the products of activations in attention.
        "MatMulConstBOnly": True,
        "CalibMovingAverage": settings.algorithm == "minmax",
        "CalibTensorRangeSymmetric": settings.for_tensorrt,
        "CalibPercentile": settings.percentile,
        "QDQKeepRemovableActivations": settings.keeps_activations,
    }
    if settings.for_tensorrt:
        symmetric = {"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False}
        return {
            "activation_type": QuantType.QInt8,
            "op_types_to_quantize": _FOR_TENSORRT,
            "extra_options": options | symmetric,
        }
    return {
        "activation_type": QuantType.QUInt8,
        "op_types_to_quantize": QUANTIZED,
        "extra_options": options,
    }


class Images(CalibrationDataReader):  # type: ignore[misc]
    """Feeds images, preprocessed as in training, in batches of the model's size."""

    def __init__(self, images: Sequence[Path], graph: onnx.ModelProto, source: Path) -> None:
        dimensions = graph.graph.input[0].type.tensor_type.shape.dim
        self._size = dimensions[0].dim_value or 1
        self._channels = dimensions[1].dim_value
        self._images = list(images)[: len(images) // self._size * self._size]
        if images and not self._images:
            raise SpecError(
                f"{source}: takes batches of {self._size}, but there are {len(images)} images to "
                "calibrate on; give more, or export with export.batch_size=-1"
            )
        entries = {entry.key: entry.value for entry in graph.metadata_props}
        if ENTRY not in entries:
            raise CheckpointError(
                f"{source}: does not record how its images are scaled; quantize a model that "
                "segformer export wrote"
            )
        self._record = record_from_json(entries[ENTRY], source=source)
        height, width = (dimension.dim_value for dimension in dimensions[2:])
        check_input_size(source, (height, width), self._record)
        self.set_range(0, len(self))

    def __len__(self) -> int:
        return len(self._images) // self._size

    def set_range(self, start_index: int, end_index: int) -> None:
        """Begin anew, with some of the batches."""
        chosen = self._images[start_index * self._size : end_index * self._size]
        self._left = batches(chosen, self._record, size=self._size)

    def get_next(self) -> dict[str, Any] | None:
        """Return the next batch by the name of the input; None at the end."""
        batch = next(self._left, None)
        if batch is None:
            return None
        return {"input": with_channels(batch, self._record, channels=self._channels).numpy()}


def _excluded(model: onnx.ModelProto, layers: Sequence[tuple[str, bool]]) -> list[str]:
    names = [node.name for node in model.graph.node]
    chosen = set(quantized_layers(names, layers))
    return [name for name in names if name not in chosen]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the output of ONNX Runtime's tools, which print and use the root logger."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        root.setLevel(level)
