"""The spec of every action as classes: one field gives type, default, bounds, help, annotations.

Names and defaults are TAO's where TAO has the field. Loads no torch.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from segformer.errors import SpecError
from segformer.fields import (
    Byte,
    Float,
    Int,
    Node,
    NullIsNone,
    PositiveInt,
    section,
    setting,
)
from segformer.spec_augmentation import Augmentation
from segformer.spec_faults import faults_from

ACTIONS = ("train", "evaluate", "export")
"""The actions that have a section of their own name in the spec."""

_RESULTS_TEXT = "Folder for the results of this action; empty: a folder below results_dir"


class PaletteEntry(Node):
    """One colour of the masks and the class that it stands for."""

    label_id: Byte = Field(
        description="Class id, from 0; ignore_index or 255: pixels of this colour do not count"
    )
    seg_class: str = Field(description="Name of the class")
    mapping_class: str = Field(
        default="", description="Name that classes which share a label_id have in common"
    )
    rgb: list[Byte] = Field(description="Colour in the mask, or one grey value")

    @field_validator("rgb")
    @classmethod
    def _one_or_three(cls, value: list[int]) -> list[int]:
        if len(value) not in (1, 3):
            raise ValueError("must have 1 (grey) or 3 (red, green, blue) entries")
        return value


_DEFAULT_PALETTE = [
    PaletteEntry(label_id=0, seg_class="foreground", mapping_class="foreground", rgb=[0, 0, 0]),
    PaletteEntry(label_id=1, seg_class="background", mapping_class="background", rgb=[1, 1, 1]),
]


class DatasetSegment(Node):
    """The data set: where it is, what its masks mean, how it is fed."""

    dataset: Literal["SFDataset"] = setting("SFDataset", "Data set class", "Layout of the data set")
    root_dir: str = setting(
        "", "Data folder", "Folder with images/<split>/ and masks/<split>/",
        is_path=True, must_be_set=True,
    )  # fmt: skip
    num_classes: Int = setting(2, "Classes", "Number of classes", ge=2, le=255)
    img_size: Int = setting(
        256, "Image size", "Width and height in pixels to which images are resized", ge=32
    )
    batch_size: Int = setting(8, "Batch size", "Images in a batch", ge=1)
    workers: Int = setting(
        1, "Workers", "Processes that load images; 0: the training process", ge=0
    )
    shuffle: bool = setting(True, "Shuffle", "Draw training images in a new order every epoch")
    train_split: str = setting("train", "Training split", "Folder name of the training images")
    validation_split: str = setting("val", "Validation split", "Folder name of the val images")
    test_split: str = setting("val", "Test split", "Folder name of the test images")
    label_transform: Annotated[Literal["norm", "None"], NullIsNone] = setting(
        "norm", "Label transform",
        "norm: mask values are 0 and 255 and are divided by 255; None: they stand as they are",
    )  # fmt: skip
    palette: list[PaletteEntry] = setting(
        _DEFAULT_PALETTE, "Palette", "Which colour or grey value of a mask is which class"
    )
    ignore_index: Int = setting(
        255, "Ignored value", "Mask value, after label_transform, whose pixels never count",
        ge=0, le=65535,
    )  # fmt: skip
    augmentation: Augmentation = section(Augmentation, "Random changes of the training images")

    @field_validator("palette")
    @classmethod
    def _one_class_per_colour(cls, value: list[PaletteEntry]) -> list[PaletteEntry]:
        seen: dict[tuple[int, ...], int] = {}
        for entry in value:
            colour = tuple(entry.rgb * 3 if len(entry.rgb) == 1 else entry.rgb)
            if seen.setdefault(colour, entry.label_id) != entry.label_id:
                raise ValueError(
                    f"gives colour {list(colour)} to label_id {seen[colour]} and {entry.label_id}"
                )
        return value


class Dataset(Node):
    """Data sets by task; there is one task."""

    segment: DatasetSegment = section(DatasetSegment, "Data set for segmentation")


class Backbone(Node):
    """The encoder."""

    type: Literal["mit_b0", "mit_b1", "mit_b2", "mit_b3", "mit_b4", "mit_b5"] = setting(
        "mit_b0", "Backbone", "Encoder, small to large"
    )
    freeze_backbone: bool = setting(
        False, "Freeze", "Keep the encoder as it is; searched when it starts from given weights",
        automl=True,
        active_when=[
            {"model.backbone.pretrained_backbone_path": {"not": ""}},
            {"train.pretrained_model_path": {"not": ""}},
        ],
    )  # fmt: skip
    pretrained_backbone_path: str = setting(
        "", "Encoder weights", "Weights that the encoder starts from; empty: random", is_path=True
    )


class DecoderParams(Node):
    """Sizes of the head."""

    embed_dim: PositiveInt | None = setting(
        None, "Head width", "Channels of the head; null: as published for the backbone"
    )


class DecodeHead(Node):
    """The all-MLP head."""

    decoder_params: DecoderParams = section(DecoderParams, "Sizes of the head")
    align_corners: bool = setting(
        False, "Align corners", "Whether corner pixels keep their place in bilinear resizing"
    )


class Model(Node):
    """The network."""

    backbone: Backbone = section(Backbone, "Encoder")
    decode_head: DecodeHead = section(DecodeHead, "Head")


class Optim(Node):
    """The optimiser and how its learning rate falls."""

    optim: Literal["adamw", "adam", "sgd"] = setting("adamw", "Optimiser", "Optimiser")
    lr: Float = setting(
        6e-5, "Learning rate", "Learning rate of the encoder; the head learns ten times as fast",
        gt=0, automl=True, scale="log",
    )  # fmt: skip
    momentum: Float = setting(
        0.9, "Momentum", "First beta of adamw and adam; momentum of sgd", ge=0, lt=1, automl=True,
    )  # fmt: skip
    weight_decay: Float = setting(
        0.01, "Weight decay", "Decay of the weights; biases and norms have none", ge=0, le=1,
        automl=True, scale="log",
    )  # fmt: skip
    policy: Literal["linear", "step"] = setting(
        "linear", "Schedule", "linear: down to 0; step: a tenth after every third of the epochs"
    )


class Cudnn(Node):
    """Settings of cuDNN, for CUDA devices."""

    benchmark: bool = setting(False, "Benchmark", "Let cuDNN choose the fastest kernels by trying")
    deterministic: bool = setting(True, "Deterministic", "Only kernels that repeat bit for bit")


class TrainSegment(Node):
    """The loss."""

    loss: Literal["ce"] = setting("ce", "Loss", "ce: cross-entropy over the pixels that count")


class Train(Node):
    """Settings of the train action."""

    num_epochs: Int = setting(10, "Epochs", "Passes over the data", ge=1, popular=True)
    checkpoint_interval: Int = setting(
        1, "Checkpoint interval", "Epochs between checkpoints", ge=1, popular=True
    )
    validation_interval: Int = setting(
        1, "Validation interval", "Epochs between validations", ge=1, popular=True
    )
    seed: Int = setting(1234, "Seed", "Seed of weights, order and augmentation", ge=0, le=2**32 - 1)
    results_dir: str = setting("", "Results folder", _RESULTS_TEXT, is_path=True)
    resume_training_checkpoint_path: str = setting(
        "", "Resume from", "Checkpoint with optimiser state to go on from", is_path=True
    )
    pretrained_model_path: str = setting(
        "", "Model weights", "Weights that the whole model starts from", is_path=True
    )
    optim: Optim = section(Optim, "Optimiser")
    segment: TrainSegment = section(TrainSegment, "Loss")
    cudnn: Cudnn = section(Cudnn, "cuDNN")

    @field_validator("checkpoint_interval", "validation_interval")
    @classmethod
    def _within_epochs(cls, value: int, info: ValidationInfo) -> int:
        epochs = info.data.get("num_epochs")
        if epochs is not None and value > epochs:
            raise ValueError(f"must be at most train.num_epochs, which is {epochs}")
        return value


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
    results_dir: str = setting("", "Results folder", _RESULTS_TEXT, is_path=True)


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
    results_dir: str = setting("", "Results folder", _RESULTS_TEXT, is_path=True)

    @field_validator("batch_size")
    @classmethod
    def _not_zero(cls, value: int) -> int:
        if value == 0:
            raise ValueError("must be -1 (any batch size) or at least 1")
        return value


class Spec(Node):
    """All settings; an action reads dataset, model and the section of its own name."""

    results_dir: str = setting("", "Results folder", "Folder above all results", is_path=True)
    dataset: Dataset = section(Dataset, "Data")
    model: Model = section(Model, "Network")
    train: Train = section(Train, "Training")
    evaluate: Evaluate = section(Evaluate, "Evaluation")
    export: Export = section(Export, "Export to ONNX")


def parse(mapping: Mapping[str, Any]) -> Spec:
    """Make a spec of a nested mapping; raises `SpecError` with every fault, one line each."""
    try:
        return Spec.model_validate(dict(mapping))
    except ValidationError as error:
        raise SpecError(faults_from(error, Spec)) from None
