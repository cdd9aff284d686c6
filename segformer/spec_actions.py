"""The parts of the spec for the actions on a trained model."""

from typing import Literal

from pydantic import field_validator

from segformer.fields import RESULTS_TEXT, Int, Node, setting


class Evaluate(Node):
    """Settings of the evaluate action."""

    checkpoint: str = setting(
        "", "Checkpoint", "Model to evaluate: .ckpt, .safetensors or .onnx",
        is_path=True, must_be_set=True,
    )  # fmt: skip
    batch_size: Int = setting(8, "Batch size", "Images in a batch", ge=1)
    split: Literal["test", "validation"] = setting(
        "test", "Split", "Which split: dataset.segment.test_split or validation_split"
    )
    results_dir: str = setting("", "Results folder", RESULTS_TEXT, is_path=True)


class Export(Node):
    """Settings of the export action."""

    checkpoint: str = setting("", "Checkpoint", "Model to export", is_path=True, must_be_set=True)
    onnx_file: str = setting(
        "", "ONNX file", "File to write; empty: model.onnx in the results folder", is_path=True
    )
    batch_size: Int = setting(-1, "Batch size", "Fixed batch size, or -1 for any", ge=-1)
    input_height: Int = setting(544, "Height", "Height of the input in pixels", ge=32)
    input_width: Int = setting(544, "Width", "Width of the input in pixels", ge=32)
    input_channel: Literal[3] = setting(3, "Channels", "Channels of the input")
    opset_version: Int = setting(17, "Opset", "ONNX operator set", ge=1)
    results_dir: str = setting("", "Results folder", RESULTS_TEXT, is_path=True)

    @field_validator("batch_size")
    @classmethod
    def _not_zero(cls, value: int) -> int:
        if value == 0:
            raise ValueError("must be -1 (any batch size) or at least 1")
        return value
