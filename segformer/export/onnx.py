"""The export action: a checkpoint as ONNX and safetensors, both with the model's record."""

import base64
import io
import json
import logging
import sys
import time
import warnings
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import version_converter
from PIL import Image
from torch import Tensor, nn

from segformer.action import started
from segformer.errors import CheckpointError, SpecError
from segformer.evaluation.calibration import fitted_temperature
from segformer.evaluation.frame_scaling import changed_pixels
from segformer.evaluation.predictor import OnnxPredictor
from segformer.export.graph import metadata_of, read_graph, write_graph
from segformer.export.nvdsinfer import check_scaling, write_nvdsinfer
from segformer.export.picture import fault_of, picture_graph
from segformer.export.shapes import with_constant_sizes
from segformer.export.single_file import single_file
from segformer.model.onnx_runtime import onnxruntime
from segformer.model.out_of_memory import out_of_memory_explained
from segformer.model.saved import ModelRecord, read_model, write_safetensors
from segformer.model.segformer import FoldedSegFormer, SegFormer
from segformer.result import Result
from segformer.spec.backbones import size_fault
from segformer.spec.sections.dataset import RGB
from segformer.spec.sections.deploy import Export
from segformer.spec.spec import Spec
from segformer.storage.atomic import replacing
from segformer.storage.encryption import has_key

_log = logging.getLogger(__name__)

LAST_TRACED = 20
"""The last operator set that torch's faster exporter writes; for newer ones onnx converts."""
_INFER = Path(__file__).with_name("infer.py")
_MLFLOW_MODEL = Path(__file__).with_name("mlflow_model.py")
_REQUIRED = ("numpy", "onnxruntime", "pandas", "pillow")
"""Packages that these programs import, MLflow aside."""
_IR_VERSION = 10
"""The version of the file format that torch's exporter writes and TensorRT's parsers read."""


@cache
def opsets() -> range:
    """Return the operator sets that the installed onnx writes and ONNX Runtime reads."""
    last = onnx.defs.onnx_opset_version()
    while last > LAST_TRACED and not _is_read(last):
        last -= 1
    return range(16, last + 1)


def export(spec: Spec, folder: Path) -> Result:
    """Write `export.checkpoint` as ONNX, and as safetensors next to it.

    The ONNX model has one input `input` BxCxHxW, C as trained or 1, by default of the size of the
    training, and one output `output`, logits BxNx(H/4)x(W/4). It is checked and run on noise; the
    metric `max_logit_difference` is its largest absolute difference from torch. `infer.py` beside
    it runs it without this package; `with_preprocessing` adds a model that takes pictures,
    `serialize_nvdsinfer` DeepStream's files. Raises `SpecError` (an existing file, opset),
    `CheckpointError`, `OutOfMemoryError`.
    """
    # Before experiment.yaml is written, which describes the files that are there.
    files = _files(spec.export, folder)
    pictures = [_picture_file(files[0])] if spec.export.with_preprocessing else []
    _check_not_there(spec.export, *files, *pictures)
    with started("export", spec, folder) as status:
        result = _export(spec, folder)
        status.write("SUCCESS", "export finished", kpi=result.metrics)
    return result


def _export(spec: Spec, folder: Path) -> Result:
    onnx_file, weights_file = _files(spec.export, folder)
    _check(spec.export)
    saved = read_model(Path(spec.export.checkpoint), otherwise=ModelRecord.of(spec))
    options = spec.export.with_size(*saved.record.size)
    _check_size(options, saved.record)
    _check_channels(options, saved.record)
    if options.serialize_nvdsinfer:
        check_scaling(saved.record, options)
    network = saved.build()
    if options.calibrate:
        saved = replace(saved, record=_calibrated(network, saved.record, spec))
    began_s = time.monotonic()
    height, width = options.size
    size = f"{height} x {width} px"
    # Both files are renamed into place at the end, so that a failed export leaves none.
    with (
        out_of_memory_explained(f"reduce export.input_height and input_width ({size})"),
        replacing(onnx_file) as graph,
        replacing(weights_file) as weights,
    ):
        write_safetensors(weights, network, saved.record)
        write_onnx(network, graph, options=options, record=saved.record)
        difference = _max_difference(network, graph, options=options, record=saved.record)
    artifacts = {"onnx": onnx_file, "safetensors": weights_file}
    if options.with_preprocessing:
        artifacts |= _write_picture_graph(onnx_file, saved.record, options)
    if not has_key():  # It has no key to open an encrypted model with.
        artifacts |= _write_programs(onnx_file.parent, saved.record)
    metrics = {"max_logit_difference": difference}
    if options.serialize_nvdsinfer:
        changed = _changed_by_scaling(network, saved.record, spec)
        metrics |= {f"{name}_changed_pixels": share for name, share in changed.items()}
        usual = min(changed, key=lambda name: changed[name], default="bilinear")
        artifacts |= write_nvdsinfer(onnx_file, saved.record, options, filter=usual)
    if options.verbose:
        print(_summary(onnx_file, saved.record, time.monotonic() - began_s), file=sys.stderr)
    if options.calibrate:
        metrics["temperature"] = saved.record.temperature
    return Result(artifacts=artifacts, metrics=metrics)


def _calibrated(network: SegFormer, record: ModelRecord, spec: Spec) -> ModelRecord:
    """Return the record with the temperature that calibrates the model's probabilities."""
    segment = record.applied_to(spec.dataset.segment)
    corners = record.model["decode_head"]["align_corners"]
    temperature = fitted_temperature(network, segment, align_corners=corners)
    return replace(record, temperature=round(temperature, 4))


def _changed_by_scaling(network: SegFormer, record: ModelRecord, spec: Spec) -> dict[str, float]:
    """Return what DeepStream's scaling changes, by filter; {} without a data set to measure on."""
    if not spec.dataset.segment.root_dir:
        _log.warning(
            "what DeepStream's scaling changes is not measured: give dataset.segment.root_dir"
        )
        return {}
    segment = record.applied_to(spec.dataset.segment)
    corners = record.model["decode_head"]["align_corners"]
    return changed_pixels(network, segment, align_corners=corners)


def _write_picture_graph(onnx_file: Path, record: ModelRecord, options: Export) -> dict[str, Path]:
    """Write the model that takes pictures beside the plain one, and return its artifact."""
    graph, target = read_graph(onnx_file), _picture_file(onnx_file)
    if fault := fault_of(graph, record):
        _log.warning("%s is not written: %s", target.name, fault)
        return {}
    with replacing(target) as part:
        whole = picture_graph(graph, record, with_probabilities=options.with_probabilities)
        write_graph(whole, part)
    return {"picture": target}


def _picture_file(onnx_file: Path) -> Path:
    return onnx_file.with_name(f"{onnx_file.stem}_picture.onnx")


def _write_programs(folder: Path, record: ModelRecord) -> dict[str, Path]:
    """Write what runs the model without this package, alone and in MLflow; return the artifacts."""
    bands = record.segment.get("bands")
    required = [*_REQUIRED, "tifffile"] if bands and find_spec("tifffile") else _REQUIRED
    versions = [f"{name}=={version(name)}" for name in required]
    texts = {
        "infer.py": single_file(_INFER),
        "mlflow_model.py": _MLFLOW_MODEL.read_text(encoding="utf-8"),
        "requirements.txt": "\n".join(versions) + "\n",
        "input_example.json": json.dumps([_example(record)]) + "\n",
    }
    for name, text in texts.items():
        with replacing(folder / name) as part:
            part.write_text(text, encoding="utf-8")
    return {Path(name).stem: folder / name for name in texts}


def _example(record: ModelRecord) -> str | list[Any]:
    """Return an example, made since a real picture may be private: a PNG as base64, or pixels."""
    if record.segment.get("bands"):
        rows, columns, bands = np.mgrid[:16, :24, : record.channels]
        pixels: list[Any] = (8 * columns + 4 * rows + bands).tolist()
        return pixels
    rows, columns = np.mgrid[:64, :96]
    colours = np.stack([2 * columns, 4 * rows, 255 - 2 * columns], axis=-1).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(colours).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def write_onnx(network: SegFormer, path: Path, *, options: Export, record: ModelRecord) -> None:
    """Write a network in evaluation mode as a checked ONNX file, with the record as metadata."""
    deployed = deployable(network, record, channels=options.channels(record.channels))
    write_graph(onnx_graph(deployed, options=options, record=record), path)


@torch.inference_mode()
def onnx_graph(deployed: nn.Module, *, options: Export, record: ModelRecord) -> onnx.ModelProto:
    """Return the graph of a network from `deployable`, with the record as metadata."""
    device = _device(options)
    deployed = deployed.to(device)
    batch = max(options.batch_size, 1)
    sample = torch.zeros(batch, options.channels(record.channels), *options.size, device=device)
    model = _traced(deployed, sample, options)
    # The exporter loses the output size in the upsampling; fill it in.
    dimensions = model.graph.output[0].type.tensor_type.shape.dim[2:]
    for dimension, side in zip(dimensions, deployed(sample).shape[2:], strict=True):
        dimension.dim_value = side
    onnx.helper.set_model_props(model, metadata_of(record))
    if options.opset_version > LAST_TRACED:
        model = version_converter.convert_version(model, options.opset_version)
        onnx.helper.set_model_props(model, metadata_of(record))
    return model


def deployable(network: SegFormer, record: ModelRecord, *, channels: int) -> nn.Module:
    """Return an equal network with constants folded, for an input of as many channels or 1."""
    parts: list[nn.Module] = [FoldedSegFormer(network)]
    if channels != record.channels:
        parts.insert(0, GreyInput(record))
    return nn.Sequential(*parts).eval()


class GreyInput(nn.Module):
    """Bx1xHxW, grey scaled by red's mean and std -> Bx3xHxW, each channel scaled by its own.

    The network then sees the same as for the grey picture stored as RGB. A 1x1 convolution can do
    it: x std_red + mean_red is the unscaled value, from which each channel is scaled again.
    """

    def __init__(self, record: ModelRecord) -> None:
        super().__init__()
        mean, std = (torch.tensor(record.segment["augmentation"][k]) for k in ("mean", "std"))
        self.spread = nn.Conv2d(1, 3, 1)
        self.spread.weight = nn.Parameter((std[0] / std)[:, None, None, None])
        self.spread.bias = nn.Parameter((mean[0] - mean) / std)

    def forward(self, grey: Tensor) -> Tensor:
        """See the class."""
        image: Tensor = self.spread(grey)
        return image


def _traced(deployed: nn.Module, sample: Tensor, options: Export) -> onnx.ModelProto:
    buffer = io.BytesIO()  # Not a file: an encrypted model must never be on disk in plain.
    dynamic = {name: {0: "batch"} for name in ("input", "output")}
    with warnings.catch_warnings():
        # For the same graph the newer exporter takes 12 to 25 s, this one 1 s.
        warnings.filterwarnings("ignore", "You are using the legacy", DeprecationWarning)
        warnings.filterwarnings("ignore", "The feature will be", DeprecationWarning, r"torch\.onnx")
        # The order of a padding, which `with_constant_sizes` folds.
        warnings.filterwarnings("ignore", "Constant folding - Only steps=1 can be")
        # Traced sizes that are constant here: whether the attention is causal, whether the image
        # has the encoder's number of channels, and how far a map is padded.
        warnings.filterwarnings(
            "ignore",
            "Converting a tensor to a Python",
            module=r"transformers\.models|.*sdpa|.*\.efficientnet_lite",
        )
        # The same in modelopt, of its own constants.
        warnings.filterwarnings("ignore", module="modelopt")
        torch.onnx.export(
            deployed,
            (sample,),
            buffer,  # type: ignore[arg-type] # Accepted, though not in its annotation.
            input_names=["input"],
            output_names=["output"],
            dynamic_axes=dynamic if options.batch_size == -1 else None,
            opset_version=min(options.opset_version, LAST_TRACED),
            dynamo=False,
        )
    model = onnx.load_from_string(buffer.getvalue())
    return with_constant_sizes(model) if options.batch_size == -1 else model


def _device(options: Export) -> torch.device:
    count = 0 if options.on_cpu else torch.cuda.device_count()
    if options.gpu_id and options.gpu_id >= count:
        raise SpecError(
            f"export.gpu_id: {options.gpu_id} is not allowed: the export may use {count} GPUs,"
            " counted from 0; set export.gpu_id=0"
        )
    return torch.device("cuda", options.gpu_id) if count else torch.device("cpu")


def _check_size(options: Export, record: ModelRecord) -> None:
    names, backbone = ("input_height", "input_width"), record.model["backbone"]["type"]
    faults = [
        size_fault(f"export.{name}", side, backbone)
        for name, side in zip(names, options.size, strict=True)
    ]
    if any(faults):
        raise SpecError(fault for fault in faults if fault)


def _check_channels(options: Export, record: ModelRecord) -> None:
    if options.input_channel == 1 and record.channels not in (1, RGB):
        raise SpecError(
            f"export.input_channel: 1 is not allowed: the model takes {record.channels} bands, not"
            " RGB; leave it out"
        )


def _files(options: Export, folder: Path) -> tuple[Path, Path]:
    """The ONNX file and the safetensors file to write."""
    onnx_file = Path(options.onnx_file) if options.onnx_file else folder / "model.onnx"
    return onnx_file, onnx_file.with_suffix(".safetensors")


def _check_not_there(options: Export, *files: Path) -> None:
    faults = [
        f"export.onnx_file: {file} exists already; give another name, remove it, or set"
        " export.force=true"
        for file in files
        if file.exists()
    ]
    if faults and not options.force:
        raise SpecError(faults)


def _check(options: Export) -> None:
    supported = opsets()
    if options.opset_version not in supported:
        raise SpecError(
            f"export.opset_version: value {options.opset_version},"
            f" allowed {supported.start} to {supported.stop - 1}"
        )
    if Path(options.checkpoint).suffix == ".onnx":
        raise CheckpointError(f"{options.checkpoint}: is ONNX already; give a checkpoint")


@torch.inference_mode()
def _max_difference(
    network: nn.Module, path: Path, *, options: Export, record: ModelRecord
) -> float:
    """The largest absolute difference of a logit between ONNX Runtime and torch, in fp32."""
    model = OnnxPredictor(path, otherwise=record)
    reference = network.cpu()
    draw = torch.Generator().manual_seed(0)
    largest = 0.0
    for batch in (1, 4) if options.batch_size == -1 else (options.batch_size,):
        images = _noise(batch, model.size, options, record, draw)
        difference = model.logits(images) - reference(images)
        largest = max(largest, float(difference.abs().max()))
    return largest


def _noise(
    batch: int, size: tuple[int, int], options: Export, record: ModelRecord, draw: torch.Generator
) -> Tensor:
    """Random images BxCxHxW, scaled as in a data set; grey for a model with grey input."""
    channels = options.channels(record.channels)
    noise = torch.randn(batch, channels, *size, generator=draw)
    return noise if channels == record.channels else GreyInput(record)(noise)


def _summary(path: Path, record: ModelRecord, seconds: float) -> str:
    model = read_graph(path)
    size = path.stat().st_size / 1e6
    return (
        f"exported {record.model['backbone']['type']}, epoch {record.epoch}: {path}, "
        f"{len(model.graph.node)} nodes, opset {model.opset_import[0].version}, {size:.1f} MB, "
        f"{seconds:.1f} s"
    )


def _is_read(opset: int) -> bool:
    """Whether the installed ONNX Runtime loads a model of an operator set."""
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Relu", ["x"], ["y"])],
        "probe",
        [value("x", onnx.TensorProto.FLOAT, [1])],
        [value("y", onnx.TensorProto.FLOAT, [1])],
    )
    operators = [onnx.helper.make_opsetid("", opset)]
    model = onnx.helper.make_model(graph, opset_imports=operators, ir_version=_IR_VERSION)
    try:
        onnxruntime.InferenceSession(model.SerializeToString())
    except Exception:  # ONNX Runtime's errors share no narrower base class.
        return False
    return True
