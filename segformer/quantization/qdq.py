"""8 bits in an ONNX graph: Quantize- and DequantizeLinear in pairs, by ONNX Runtime's tools."""

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
from segformer.evaluation.grey import fed
from segformer.export.graph import read_graph, write_graph
from segformer.model.saved import ENTRY, record_from_json
from segformer.quantization.calibration import batches
from segformer.quantization.fusion import QUANTIZED, left_in_32_bits, renamed, write_fused
from segformer.quantization.layers import quantized_layers
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
"""What TensorRT has 8-bit kernels for; it fuses what stands between."""


@dataclass(frozen=True)
class QdqSettings:
    """How a graph is quantized."""

    algorithm: str = "minmax"
    percentile: float = 99.99
    for_tensorrt: bool = False
    """For TensorRT's parser: symmetric ranges and biases in 32 bits. Otherwise for ONNX Runtime on
    the CPU: zero points, and only the nodes that `segformer.quantization.fusion` chooses."""
    layers: Sequence[tuple[str, bool]] = ()
    """Pattern of node names, and whether these nodes are quantized; the last match wins."""
    cache: Path | None = field(default=None)
    """Ranges of an earlier calibration, used instead of images; written where there is none."""


def quantize_onnx(
    source: Path, target: Path, images: Sequence[Path], settings: QdqSettings
) -> None:
    """Write an int8 graph of an fp32 one of ours, calibrated on images; metadata are kept.

    Raises `SpecError` for a pattern that fits no layer, too few images for a fixed batch, or a
    cache that cannot be used, and `CheckpointError` for a model that cannot be read.
    """
    graph = read_graph(source)
    excluded = _excluded(graph, settings.layers)
    reader = _Reader(images, graph, source)
    # Histograms keep every activation of what they are given at once.
    stride = None if settings.algorithm in ("minmax", "max") else 1
    form = _form(settings)
    form["extra_options"]["CalibStridedMinMax"] = stride
    with scratch() as folder, _ranges(settings, folder) as cache, _quiet():
        plain, prepared, made = (folder / f"{n}.onnx" for n in ("plain", "prepared", "made"))
        onnx.save(graph, str(plain))
        excluded = _prepare(plain, prepared, excluded, settings)
        quantize_static(
            prepared,
            made,
            reader,
            quant_format=QuantFormat.QDQ,
            calibrate_method=_METHODS[settings.algorithm],
            per_channel=True,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=excluded,
            calibration_cache_path=cache,
            **form,
        )
        quantized = onnx.load(str(made))
    entries = {entry.key: entry.value for entry in graph.metadata_props}
    onnx.helper.set_model_props(quantized, entries)
    write_graph(quantized, target)


@contextlib.contextmanager
def _ranges(settings: QdqSettings, folder: Path) -> Iterator[Path | None]:
    """Give the cache of ranges as a file that ONNX Runtime reads, or writes where there is none."""
    kept = settings.cache
    if kept is None:
        yield None
        return
    plain = folder / "ranges.json"
    is_known = kept.exists()
    if is_known:
        with reading(kept) as file:
            plain.write_bytes(file.read())
        _check_ranges(plain, kept, _METHODS[settings.algorithm])
    yield plain
    if not is_known:
        with replacing(kept) as part, writing(part) as file:
            file.write(plain.read_bytes())


def _check_ranges(plain: Path, kept: Path, method: CalibrationMethod) -> None:
    try:
        found = load_tensors_data(plain).calibration_method
    except (ValueError, KeyError, TypeError) as error:
        raise SpecError(
            f"{kept}: is not a cache of ranges that a calibration wrote ({type(error).__name__}); "
            "remove it or give another name"
        ) from error
    if found != method:
        raise SpecError(
            f"{kept}: was written by a calibration by {found}, but {method} is wanted; remove it "
            "or give another name"
        )


def _prepare(source: Path, prepared: Path, excluded: list[str], settings: QdqSettings) -> list[str]:
    """Write the graph that is quantized; return which of its nodes are not."""
    if settings.for_tensorrt:
        # Shapes are all known but for the batch: plain inference finds them, ten times as fast.
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        return excluded
    write_fused(source, prepared)
    graph = onnx.load(str(prepared)).graph
    return renamed(excluded, graph) + left_in_32_bits(graph)


def _form(settings: QdqSettings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "MatMulConstBOnly": True,
        "CalibMovingAverage": settings.algorithm == "minmax",
        "CalibTensorRangeSymmetric": settings.for_tensorrt,
        "CalibPercentile": settings.percentile,
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


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Feeds images as training does, in batches of the size that the model takes."""

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
                f"{source}: does not say how its images are scaled; quantize a model that "
                "segformer export wrote"
            )
        self._record = record_from_json(entries[ENTRY], source=source)
        self.set_range(0, len(self))

    def __len__(self) -> int:
        return len(self._images) // self._size

    def set_range(self, start_index: int, end_index: int) -> None:
        chosen = self._images[start_index * self._size : end_index * self._size]
        self._left = batches(chosen, self._record, size=self._size)

    def get_next(self) -> dict[str, Any] | None:
        batch = next(self._left, None)
        if batch is None:
            return None
        return {"input": fed(batch, self._record, channels=self._channels).numpy()}


def _excluded(model: onnx.ModelProto, layers: Sequence[tuple[str, bool]]) -> list[str]:
    names = [node.name for node in model.graph.node]
    chosen = set(quantized_layers(names, layers))
    return [name for name in names if name not in chosen]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep ONNX Runtime's tools from printing and from logging at the root."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        root.setLevel(level)
