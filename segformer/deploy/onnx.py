"""The export action: a checkpoint as ONNX and as safetensors, both with the model's record."""

import warnings
from pathlib import Path

import onnx
import torch
from torch import nn

from segformer.atomic import replacing
from segformer.errors import CheckpointError, SpecError
from segformer.evaluation.predictor import OnnxPredictor
from segformer.model.head import FoldedHead
from segformer.model.memory import out_of_memory_explained
from segformer.model.saved import ENTRY, ModelRecord, read_model, write_safetensors
from segformer.model.segformer import SegFormer
from segformer.result import Result
from segformer.spec import Spec
from segformer.spec_actions import Export

OPSETS = range(16, 21)
"""Operator sets that can be exported; 20 is the last that torch's faster exporter writes."""


def export(spec: Spec, folder: Path) -> Result:
    """Write `export.checkpoint` as ONNX, and as safetensors beside it.

    The ONNX model has one input `input` Bx3xHxW and one output `output`, logits BxCx(H/4)x(W/4); it
    is checked, run and compared with torch: metric `max_logit_difference`, absolute, on noise.
    Raises `SpecError` (a file is there already, opset), `CheckpointError`, `OutOfMemoryError`.
    """
    options = spec.export
    onnx_file = Path(options.onnx_file) if options.onnx_file else folder / "model.onnx"
    weights_file = onnx_file.with_suffix(".safetensors")
    _check(options, onnx_file, weights_file)
    saved = read_model(Path(options.checkpoint), otherwise=ModelRecord.of(spec))
    network = saved.build()
    size = f"{options.input_height} x {options.input_width} px"
    # Both files move into place at the end, so that a failed export can be run again.
    with (
        out_of_memory_explained(f"reduce export.input_height and input_width ({size})"),
        replacing(onnx_file) as graph,
        replacing(weights_file) as weights,
    ):
        write_safetensors(weights, network, saved.record)
        write_onnx(network, graph, options=options, record=saved.record)
        difference = _max_difference(network, graph, options=options, record=saved.record)
    return Result(
        artifacts={"onnx": onnx_file, "safetensors": weights_file},
        metrics={"max_logit_difference": difference},
    )


@torch.inference_mode()
def write_onnx(network: SegFormer, path: Path, *, options: Export, record: ModelRecord) -> None:
    """Write a network in evaluation mode as a checked ONNX file with the record in its metadata."""
    batch = max(options.batch_size, 1)
    sample = torch.zeros(batch, 3, options.input_height, options.input_width)
    dynamic = {name: {0: "batch"} for name in ("input", "output")}
    with warnings.catch_warnings():
        # The newer exporter takes 12 to 25 s for the same graph, this one 1 s.
        warnings.filterwarnings("ignore", "You are using the legacy", DeprecationWarning)
        warnings.filterwarnings("ignore", "The feature will be", DeprecationWarning, r"torch\.onnx")
        # Whether attention is causal, which it never is here, is asked of a traced size.
        warnings.filterwarnings(
            "ignore", "Converting a tensor to a Python", module=r"transformers\..*sdpa"
        )
        torch.onnx.export(
            nn.Sequential(network.backbone, FoldedHead(network.head)).eval(),
            (sample,),
            str(path),
            input_names=["input"],
            output_names=["output"],
            dynamic_axes=dynamic if options.batch_size == -1 else None,
            opset_version=options.opset_version,
            dynamo=False,
        )
    model = onnx.load(str(path))
    # The exporter does not follow the sizes through the upsampling.
    dimensions = model.graph.output[0].type.tensor_type.shape.dim[2:]
    for dimension, side in zip(dimensions, network(sample).shape[2:], strict=True):
        dimension.dim_value = side
    onnx.helper.set_model_props(model, {ENTRY: record.to_json()})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _check(options: Export, *files: Path) -> None:
    faults = [
        f"export.onnx_file: {file} is there already; give another name or remove it"
        for file in files
        if file.exists()
    ]
    if options.opset_version not in OPSETS:
        faults.append(
            f"export.opset_version: value {options.opset_version},"
            f" allowed {OPSETS.start} to {OPSETS.stop - 1}"
        )
    if faults:
        raise SpecError(faults)
    if Path(options.checkpoint).suffix == ".onnx":
        raise CheckpointError(f"{options.checkpoint}: is ONNX already; give a checkpoint")


@torch.inference_mode()
def _max_difference(
    network: nn.Module, path: Path, *, options: Export, record: ModelRecord
) -> float:
    """Largest absolute difference of a logit between ONNX Runtime and torch, in fp32."""
    model = OnnxPredictor(path, otherwise=record)
    draw = torch.Generator().manual_seed(0)
    largest = 0.0
    for batch in (1, 4) if options.batch_size == -1 else (options.batch_size,):
        images = torch.randn(batch, 3, *model.size, generator=draw)
        difference = model.logits(images) - network(images)
        largest = max(largest, float(difference.abs().max()))
    return largest
