"""The spec's sections for export, quantization and TensorRT engines."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from segformer.spec.fields import (
    RESULTS_TEXT,
    AnyCase,
    Float,
    Int,
    Node,
    NotNegative,
    Side,
    applies,
    section,
    setting,
)

MODES = {
    "onnxruntime": "static_ptq",
    "torchao": "weight_only_ptq",
    "modelopt.pytorch": "static_ptq",
}
"""The one mode of quantization that each backend has."""
ALGORITHMS = {
    "onnxruntime": ("minmax", "max", "entropy", "percentile", "auto"),
    "torchao": ("minmax",),
    "modelopt.pytorch": ("max", "entropy", "percentile"),
}
"""How each backend chooses the range of values that 8 bits span."""


class Export(Node):
    """Settings of the export action."""

    checkpoint: str = setting("", "Checkpoint", "Model to export", is_path=True, must_be_set=True)
    onnx_file: str = setting(
        "", "ONNX file", "File to write; empty: model.onnx in the results folder", is_path=True
    )
    format: Literal["onnx"] = setting("onnx", "Format", "Format of the exported model")
    batch_size: Int = setting(-1, "Batch size", "Fixed batch size, or -1 for any", ge=-1)
    input_height: Side | None = setting(
        None, "Height", "Height of the input in pixels; null: the image size of the training"
    )
    input_width: Side | None = setting(
        None, "Width", "Width of the input in pixels; null: the image size of the training"
    )
    input_channel: Literal[1, 3] = setting(
        3, "Channels",
        "3: the input is RGB, or the bands that the model was trained on; 1: grey images, made red,"
        " green and blue inside",
    )  # fmt: skip
    opset_version: Int = setting(17, "Opset", "ONNX operator set", ge=1)
    on_cpu: bool = setting(False, "On the CPU", "Trace the model on the CPU even if there is a GPU")
    gpu_id: Int = setting(0, "GPU", "GPU to trace the model on, if there is one", ge=0)
    serialize_nvdsinfer: bool = setting(
        False, "DeepStream",
        "Write nvdsinfer_config.yaml and labels.txt beside the model, and measure on the validation"
        " split how many pixels change their class if DeepStream scales the pictures",
    )  # fmt: skip
    with_preprocessing: bool = setting(
        True,
        "With preprocessing",
        "Also write a model that takes a picture of any size and gives its mask, beside the plain "
        "one and named after it: model_picture.onnx",
    )
    with_probabilities: bool = setting(
        False, "With probabilities", "Give that model a second output, the classes' probabilities"
    )
    calibrate: bool = setting(
        False, "Calibrate",
        "Fit one temperature on the validation split, by which probabilities are calibrated; the "
        "model records it",
    )  # fmt: skip
    force: bool = setting(False, "Overwrite", "Replace files of an earlier export")
    verbose: bool = setting(False, "Verbose", "Report steps and times on stderr")
    results_dir: str = setting("", "Results folder", RESULTS_TEXT, is_path=True)

    def channels(self, trained: int) -> int:
        """Return the channels of the exported input of a model that was trained on this many."""
        return self.input_channel if self.input_channel == 1 else trained

    @field_validator("with_probabilities")
    @classmethod
    def _of_pictures(cls, value: bool, info: ValidationInfo) -> bool:
        return applies(cls, value, info, "with_preprocessing=true", with_preprocessing=(True,))

    @field_validator("batch_size")
    @classmethod
    def _not_zero(cls, value: int) -> int:
        if value == 0:
            raise ValueError("must be -1 (any batch size) or at least 1")
        return value

    def with_size(self, height: int, width: int) -> "Export":
        """Return the settings with these for a height or width that is not set."""
        height, width = self.input_height or height, self.input_width or width
        return self.model_copy(update={"input_height": height, "input_width": width})

    @property
    def size(self) -> tuple[int, int]:
        """Height and width; raises `ValueError` while one is not set."""
        if self.input_height is None or self.input_width is None:
            raise ValueError("the size is not set: call with_size first")
        return self.input_height, self.input_width


class QuantizedTensor(Node):
    """How the weights or the activations of some layers are stored."""

    dtype: Literal["int8", "native"] | None = Field(
        default=None, description="int8, or native: unchanged; null: as the mode prescribes"
    )


class QuantizedLayers(Node):
    """Layers, by a pattern of their names, and their types."""

    module_name: str = Field(description="Pattern of layer names, with * and ?")
    weights: QuantizedTensor = section(QuantizedTensor, "Weights of these layers")
    activations: QuantizedTensor = section(QuantizedTensor, "Activations of these layers")


class Quantize(Node):
    """Settings of the quantize action."""

    model_path: str = setting(
        "", "Model", "Checkpoint or ONNX model to quantize", is_path=True, must_be_set=True
    )
    backend: Literal["onnxruntime", "torchao", "modelopt.pytorch"] = setting(
        "onnxruntime", "Backend",
        "onnxruntime: an int8 ONNX model; torchao: a checkpoint with int8 weights; "
        "modelopt.pytorch: an int8 ONNX model of a checkpoint, by NVIDIA's Model Optimizer",
    )  # fmt: skip
    mode: Literal["static_ptq", "weight_only_ptq"] = setting(
        "static_ptq", "Mode",
        "static_ptq: weights and activations, calibrated on images; weight_only_ptq: weights alone",
    )  # fmt: skip
    algorithm: Literal["minmax", "max", "entropy", "percentile", "auto"] = setting(
        "minmax", "Algorithm",
        "Range that 8 bits span: minmax: a moving mean of each image's extremes; max: the extremes "
        "of all; entropy: least loss of information; percentile: all but the outermost values; "
        "auto: the one that changes the class of the fewest validation pixels",
    )  # fmt: skip
    device: str = setting(
        "cpu", "Device", "Device the model will run on: cpu, trt (TensorRT), cuda or cuda:N",
        pattern=r"^(cuda|cpu|trt|cuda:[0-9]+)$",
    )  # fmt: skip
    layers: list[QuantizedLayers] = setting(
        [], "Layers", "Which layers are quantized, the last match wins; empty: all that can be"
    )
    skip_names: list[str] = setting(
        [], "Skipped", "Patterns of names of layers that are not quantized"
    )
    percentile: Float = setting(
        99.99, "Percentile", "Share of the values, in percent, that 8 bits span", gt=50, le=100
    )
    calibration_images: Int = setting(
        64, "Calibration images", "Largest number of images read to calibrate", ge=1
    )
    max_miou_drop: Float = setting(
        0.02,
        "Allowed drop",
        "Largest fall of the mIoU; a model that falls by more is rejected and kept aside",
        ge=0,
        le=1,
    )
    target_drop: NotNegative | None = setting(
        None,
        "Target drop",
        "Layers go back to 32 bits, the most sensitive first, until the mIoU falls by no more than "
        "this; null: all that are quantized stay in 8 bits",
    )
    qat_epochs: Int = setting(
        0, "Epochs of fine-tuning",
        "Epochs of quantization-aware fine-tuning of the checkpoint, with the settings of train at"
        " a hundredth of its learning rate; kept if the int8 model is better for it; 0: none",
        ge=0,
    )  # fmt: skip
    force: bool = setting(False, "Overwrite", "Replace files of an earlier run")
    results_dir: str = setting("", "Results folder", RESULTS_TEXT, is_path=True)

    @field_validator("target_drop", "qat_epochs")
    @classmethod
    def _of_graphs(cls, value: float | None, info: ValidationInfo) -> float | None:
        return applies(cls, value, info, "quantize.backend=onnxruntime", backend=("onnxruntime",))

    @field_validator("percentile")
    @classmethod
    def _applies(cls, value: float, info: ValidationInfo) -> float:
        return applies(cls, value, info, "quantize.algorithm=percentile", algorithm=("percentile",))

    @field_validator("calibration_images")
    @classmethod
    def _calibrates(cls, value: int, info: ValidationInfo) -> int:
        wanted = "quantize.backend=onnxruntime or modelopt.pytorch"
        return applies(cls, value, info, wanted, backend=("onnxruntime", "modelopt.pytorch"))

    @field_validator("backend", mode="before")
    @classmethod
    def _not_modelopt_onnx(cls, value: object) -> object:
        if value == "modelopt.onnx":
            raise ValueError(
                "cannot be installed beside this version: nvidia-modelopt[onnx] wants onnx 1.21 "
                "and onnxruntime-gpu 1.24; use onnxruntime, which has the same algorithms (with "
                "device=trt for TensorRT), or modelopt.pytorch"
            )
        return value


class Calibration(Node):
    """Images that int8 is calibrated on."""

    cal_image_dir: list[str] = setting(
        [], "Folders", "Folders of images; empty: dataset.segment.quant_calibration_dataset"
    )
    cal_batch_size: Int = setting(1, "Batch size", "Images in a batch", ge=1, popular=True)
    cal_batches: Int = setting(1, "Batches", "Batches to calibrate on", ge=1, popular=True)
    cal_cache_file: str = setting(
        "",
        "Cache",
        "Ranges of an earlier calibration; written if the file does not exist",
        is_path=True,
    )


class TensorRt(Node):
    """How the engine is built."""

    data_type: Annotated[Literal["fp32", "fp16", "bf16", "int8"], AnyCase] = setting(
        "fp16", "Precision", "Precision that the engine computes in"
    )
    workspace_size: Int = setting(1024, "Workspace", "Memory for building, in MB", ge=0)
    min_batch_size: Int = setting(1, "Smallest batch", "Smallest batch", ge=1, popular=True)
    opt_batch_size: Int = setting(
        1, "Usual batch", "Batch size to optimise for", ge=1, popular=True
    )
    max_batch_size: Int = setting(1, "Largest batch", "Largest batch", ge=1, popular=True)
    layers_precision: list[str] = setting(
        [], "Layer precision", "PATTERN:fp32|fp16|bf16 for layers that differ, the last match wins"
    )
    calibration: Calibration = section(Calibration, "Calibration of int8")
    compute_capabilities: list[str] = setting(
        [], "GPUs",
        "Compute capabilities to build for, e.g. 8.9; empty: this machine's GPU, or without one "
        "all that the installed TensorRT can build for ahead of time",
    )  # fmt: skip

    @field_validator("compute_capabilities", mode="before")
    @classmethod
    def _text_of_numbers(cls, value: object) -> object:
        """YAML reads [8.9] as a number."""
        if not isinstance(value, list):
            return value
        return [str(item) if type(item) is float else item for item in value]

    @field_validator("layers_precision")
    @classmethod
    def _pairs(cls, value: list[str]) -> list[str]:
        for entry in value:
            pattern, _, precision = entry.rpartition(":")
            if not pattern or precision not in ("fp32", "fp16", "bf16"):
                raise ValueError(f"{entry!r} is not PATTERN:fp32, PATTERN:fp16 or PATTERN:bf16")
        return value

    @model_validator(mode="after")
    def _ordered(self) -> "TensorRt":
        if not self.min_batch_size <= self.opt_batch_size <= self.max_batch_size:
            raise ValueError(
                f"min_batch_size {self.min_batch_size}, opt_batch_size {self.opt_batch_size}, "
                f"max_batch_size {self.max_batch_size}: must be in ascending order"
            )
        return self


class GenTrtEngine(Node):
    """Settings of the gen_trt_engine action."""

    onnx_file: str = setting("", "ONNX file", "Exported model", is_path=True, must_be_set=True)
    trt_engine: str = setting(
        "", "Engine", "File to write; empty: model.engine in the results folder", is_path=True
    )
    batch_size: Int = setting(
        -1, "Batch size", "Batch of an ONNX model of fixed batch; -1: any", ge=-1, popular=True
    )
    gpu_id: Int = setting(0, "GPU", "GPU to build on, if there is one", ge=0, popular=True)
    tensorrt: TensorRt = section(TensorRt, "How the engine is built")
    timing_cache: str = setting(
        "", "Timing cache", "File of kernel timings, read and updated", is_path=True
    )
    force: bool = setting(False, "Overwrite", "Replace the engine of an earlier run")
    verbose: bool = setting(False, "Verbose", "Show TensorRT's full log")
    results_dir: str = setting("", "Results folder", RESULTS_TEXT, is_path=True)
