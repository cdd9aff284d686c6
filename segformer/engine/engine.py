"""The gen_trt_engine action: a TensorRT engine of an ONNX model, with its facts as JSON."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from segformer.action import started
from segformer.engine.builder import build, capabilities_of, device_of
from segformer.engine.precision import cast_to
from segformer.errors import CheckpointError, SpecError
from segformer.evaluation.tensorrt import facts_path, tensorrt
from segformer.export.graph import read_graph
from segformer.model.saved import ENTRY, ModelRecord, record_from_json
from segformer.quantization.calibration import calibration_images, evenly
from segformer.quantization.qdq import QdqSettings, quantize_onnx
from segformer.result import Result
from segformer.spec.sections.deploy import Calibration, GenTrtEngine
from segformer.spec.spec import Spec
from segformer.storage.atomic import replacing
from segformer.storage.encryption import writing


def gen_trt_engine(spec: Spec, folder: Path) -> Result:
    """Build an engine of `gen_trt_engine.onnx_file`, and write its facts as JSON next to it.

    The precision is written into the graph (casts, Q/DQ) and TensorRT follows it. A model without
    Q/DQ is calibrated first for int8. Raises `SpecError`, `CheckpointError`, and `SkillError` with
    TensorRT's messages if it cannot build.
    """
    options = spec.gen_trt_engine
    engine_file = Path(options.trt_engine) if options.trt_engine else folder / "model.engine"
    # Before experiment.yaml is written, which describes the engine that is there.
    if engine_file.exists() and not options.force:
        raise SpecError(
            f"gen_trt_engine.trt_engine: {engine_file} exists already; give another name, "
            "remove it, or set gen_trt_engine.force=true"
        )
    with started("gen_trt_engine", spec, folder) as status:
        result = _engine(spec, folder, engine_file)
        status.write("SUCCESS", "engine built", kpi=result.metrics)
    return result


def _engine(spec: Spec, folder: Path, engine_file: Path) -> Result:
    options = spec.gen_trt_engine
    model = _OnnxModel.read(Path(options.onnx_file), otherwise=ModelRecord.of(spec))
    batch = _profile(options, model)
    capabilities = capabilities_of(options)
    graph = _in_precision(model, spec, folder)
    shapes = [(count, *model.shape[1:]) for count in batch]
    with device_of(options, capabilities):
        content = build(graph, model.path, options, shapes=shapes, capabilities=capabilities)
    with replacing(engine_file) as part, writing(part) as file:
        file.write(content)
    facts = _facts(model, options, content, batch=batch, capabilities=capabilities)
    # Relative, because both files may move together.
    facts["onnx_file"] = os.path.relpath(model.path, engine_file.parent)
    with replacing(facts_path(engine_file)) as part, writing(part) as file:
        file.write((json.dumps(facts, indent=2) + "\n").encode())
    return Result(
        artifacts={"engine": engine_file, "facts": facts_path(engine_file)},
        metrics={"engine_mb": len(content) / 1e6},
    )


@dataclass(frozen=True)
class _OnnxModel:
    path: Path
    graph: onnx.ModelProto
    record: ModelRecord

    @classmethod
    def read(cls, path: Path, *, otherwise: ModelRecord) -> "_OnnxModel":
        graph = read_graph(path)
        if (places := len(graph.graph.input[0].type.tensor_type.shape.dim)) != 4:
            raise CheckpointError(
                f"gen_trt_engine.onnx_file: {path} takes an input of {places} places, not of batch,"
                " channels, height and width; give the model.onnx of an export"
            )
        entries = {entry.key: entry.value for entry in graph.metadata_props}
        record = record_from_json(entries[ENTRY], source=path) if ENTRY in entries else otherwise
        return cls(path, graph, record)

    @property
    def shape(self) -> tuple[int | None, int, int, int]:
        """The shape of the input, with None for an open batch."""
        dimensions = self.graph.graph.input[0].type.tensor_type.shape.dim
        batch, channels, height, width = (d.dim_value for d in dimensions)
        return (batch or None, channels, height, width)

    @property
    def is_quantized(self) -> bool:
        return any(node.op_type == "QuantizeLinear" for node in self.graph.graph.node)


def _profile(options: GenTrtEngine, model: _OnnxModel) -> tuple[int, int, int]:
    """Return the smallest, usual and largest batch; raises `SpecError` for a fixed other batch."""
    sizes = options.tensorrt
    batch = (sizes.min_batch_size, sizes.opt_batch_size, sizes.max_batch_size)
    fixed = model.shape[0]
    if options.batch_size not in (-1, fixed):
        raise SpecError(
            f"gen_trt_engine.batch_size: value {options.batch_size}, but {model.path} takes "
            f"{'any batch' if fixed is None else f'batches of {fixed}'}; set it to "
            f"{fixed or -1}, or export with export.batch_size={options.batch_size}"
        )
    if fixed is None:
        return batch
    if batch not in ((1, 1, 1), (fixed,) * 3):
        raise SpecError(
            f"gen_trt_engine.tensorrt: min_batch_size {batch[0]}, opt_batch_size {batch[1]}, "
            f"max_batch_size {batch[2]}, but {model.path} takes batches of {fixed} only; export "
            "with export.batch_size=-1"
        )
    return (fixed, fixed, fixed)


def _in_precision(model: _OnnxModel, spec: Spec, folder: Path) -> onnx.ModelProto:
    options = spec.gen_trt_engine.tensorrt
    layers = dict(entry.rsplit(":", 1) for entry in options.layers_precision)
    if options.data_type == "int8":
        graph = model.graph
        if not model.is_quantized:
            graph = _calibrated(model, spec, folder)
        # Other layers are in 16 bits, as with TensorRT 10's flags INT8 and FP16 together.
        return cast_to(graph, "fp16", layers=layers)
    if model.is_quantized:
        raise SpecError(
            f"gen_trt_engine.tensorrt.data_type: value {options.data_type}, but {model.path} is "
            "quantized; set it to int8 or give the model before quantization"
        )
    if options.data_type == "fp32" and not layers:
        return model.graph
    return cast_to(model.graph, options.data_type, layers=layers)


def _calibrated(model: _OnnxModel, spec: Spec, folder: Path) -> onnx.ModelProto:
    """Return the graph with Q/DQ, with ranges from images or from the cache of an earlier run."""
    options = spec.gen_trt_engine.tensorrt.calibration
    cache = Path(options.cal_cache_file) if options.cal_cache_file else None
    has_ranges = cache is not None and cache.exists()
    images = [] if has_ranges else images_to_calibrate(spec, options)
    target = folder / "calibrated.onnx"
    settings = QdqSettings(algorithm="max", for_tensorrt=True, cache=cache)
    quantize_onnx(model.path, target, images, settings)
    return read_graph(target)


def images_to_calibrate(spec: Spec, options: Calibration) -> list[Path]:
    """Return cal_batches x cal_batch_size images; raises `SpecError` if there are fewer."""
    count = options.cal_batch_size * options.cal_batches
    images = evenly(calibration_images(spec, options.cal_image_dir), count)
    if len(images) < count:
        raise SpecError(
            f"gen_trt_engine.tensorrt.calibration: {options.cal_batches} batches of "
            f"{options.cal_batch_size} are {count} images, but there are {len(images)}"
        )
    return images


def _facts(
    model: _OnnxModel,
    options: GenTrtEngine,
    content: bytes,
    *,
    batch: tuple[int, int, int],
    capabilities: list[str],
) -> dict[str, Any]:
    trt = tensorrt()
    _, channels, height, width = model.shape
    return {
        "record": json.loads(model.record.to_json()),
        "onnx_sha256": hashlib.sha256(model.path.read_bytes()).hexdigest(),
        "engine_sha256": hashlib.sha256(content).hexdigest(),
        "precision": options.tensorrt.data_type,
        "batch": list(batch),
        "channels": channels,
        "size": [height, width],
        "package": trt.__name__,
        "version": trt.__version__,
        "compute_capabilities": capabilities,
    }
