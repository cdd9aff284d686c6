"""The parts of the spec for the actions on a trained model."""

from typing import Literal

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
