"""The spec's sections for actions that run a trained model."""

from typing import Literal

from segformer.spec.fields import RESULTS_TEXT, Int, Node, section, setting
from segformer.spec.sections.devices import Devices

_ENGINE_TEXT = "TensorRT engine to run in place of a checkpoint"
_PICTURES_TEXT = "Save pictures of every Nth batch, starting with the first; 0: none"


class Latency(Node):
    """How the latency of a model is measured."""

    runs: Int = setting(
        0, "Runs",
        "Timed runs of a batch of noise, fewer if they would take over a minute; 0: none",
        ge=0,
    )  # fmt: skip
    batch_size: Int = setting(1, "Batch size", "Images in a timed batch", ge=1)
    largest_batch: Int = setting(
        0, "Largest batch",
        "Also find the batch with the most images a second among 1, 2, 4 and so on up to this "
        "number; 0: no",
        ge=0,
    )  # fmt: skip
    threads: Int = setting(
        0, "Threads", "Cores to compute on; 0: all that the process may use", ge=0
    )


class Evaluate(Devices):
    """Settings of the evaluate action."""

    checkpoint: str = setting(
        "", "Checkpoint", "Model to evaluate: .ckpt, .safetensors or .onnx",
        is_path=True, must_be_set=True,
    )  # fmt: skip
    trt_engine: str = setting("", "Engine", _ENGINE_TEXT, is_path=True)
    batch_size: Int = setting(8, "Batch size", "Images in a batch", ge=1)
    split: Literal["test", "validation"] = setting(
        "test", "Split", "Which split: dataset.segment.test_split or validation_split"
    )
    vis_after_n_batches: Int = setting(1, "Pictures", _PICTURES_TEXT, ge=0)
    latency: Latency = section(Latency, "Latency and memory of the model")
    results_dir: str = setting("", "Results folder", RESULTS_TEXT, is_path=True)


class Inference(Devices):
    """Settings of the inference action."""

    checkpoint: str = setting(
        "", "Checkpoint", "Model to run: .ckpt, .safetensors or .onnx",
        is_path=True, must_be_set=True,
    )  # fmt: skip
    trt_engine: str = setting("", "Engine", _ENGINE_TEXT, is_path=True)
    images_dir: str = setting(
        "", "Images", "Folder of images; empty: those of dataset.segment.predict_split",
        is_path=True,
    )  # fmt: skip
    batch_size: Int = setting(8, "Batch size", "Images in a batch", ge=1)
    vis_after_n_batches: Int = setting(1, "Pictures", _PICTURES_TEXT, ge=0)
    probabilities: bool = setting(
        False, "Probabilities",
        "Also write probabilities/NAME.npy: height x width x classes, 16-bit floats, calibrated by "
        "the model's temperature",
    )  # fmt: skip
    results_dir: str = setting("", "Results folder", RESULTS_TEXT, is_path=True)
