"""The parts of the spec that turn a trained model into one that is deployed."""

from typing import Literal

from pydantic import field_validator

from segformer.fields import RESULTS_TEXT, Int, Node, setting

MODES = {
    "onnxruntime": "static_ptq",
    "torchao": "weight_only_ptq",
    "modelopt.pytorch": "static_ptq",
    "modelopt.onnx": "static_ptq",
}
"""The one mode of quantization that each backend has."""
ALGORITHMS = {
    "onnxruntime": ("minmax", "max", "entropy", "percentile"),
    "torchao": ("minmax",),
    "modelopt.pytorch": ("max",),
    "modelopt.onnx": ("max", "entropy"),
}
"""How each backend chooses the range of values that 8 bits stand for."""
CAPABILITIES = ("7.5", "8.0", "8.6", "8.9", "9.0", "10.0", "12.0", "12.1")
"""Compute capabilities of NVIDIA's GPUs that an engine can be built for ahead of time."""


class Export(Node):
    """Settings of the export action."""

    checkpoint: str = setting("", "Checkpoint", "Model to export", is_path=True, must_be_set=True)
    onnx_file: str = setting(
        "", "ONNX file", "File to write; empty: model.onnx in the results folder", is_path=True
    )
    format: Literal["onnx"] = setting("onnx", "Format", "Format of the exported model")
    batch_size: Int = setting(-1, "Batch size", "Fixed batch size, or -1 for any", ge=-1)
    input_height: Int = setting(544, "Height", "Height of the input in pixels", ge=32)
    input_width: Int = setting(544, "Width", "Width of the input in pixels", ge=32)
    input_channel: Literal[1, 3] = setting(
        3, "Channels", "Channels of the input; 1: grey images, made red, green and blue inside"
    )
    opset_version: Int = setting(17, "Opset", "ONNX operator set", ge=1)
    on_cpu: bool = setting(False, "On the CPU", "Trace the model on the CPU where there is a GPU")
    gpu_id: Int = setting(0, "GPU", "The GPU to trace the model on, where there is one", ge=0)
    serialize_nvdsinfer: bool = setting(
        False, "DeepStream", "Write nvdsinfer_config.yaml and labels.txt beside the model"
    )
    force: bool = setting(False, "Overwrite", "Replace files of an earlier export")
    verbose: bool = setting(
        False, "Verbose", "Tell on stderr what is exported, and how long it takes"
    )
    results_dir: str = setting("", "Results folder", RESULTS_TEXT, is_path=True)

    @field_validator("batch_size")
    @classmethod
    def _not_zero(cls, value: int) -> int:
        if value == 0:
            raise ValueError("must be -1 (any batch size) or at least 1")
        return value
