"""The spec's dataset section: the files, the meaning of the masks, the batches."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from segformer.spec.fields import (
    Byte,
    Count,
    Float,
    Int,
    MaskValue,
    Node,
    NullIsNone,
    Side,
    applies,
    section,
    setting,
)
from segformer.spec.sections.augmentation import Augmentation, over_bands
from segformer.spec.sections.prediction import Prediction

IGNORED_ID = 255
"""The class id of pixels that never count."""
RGB = 3
"""Channels of an image without `bands`."""


class PaletteEntry(Node):
    """One colour of the masks and the class that it stands for."""

    label_id: Byte = Field(description="Class id, from 0; 255: pixels of this colour do not count")
    seg_class: str = Field(description="Name of the class")
    mapping_class: str = Field(
        default="", description="Name that classes which share a label_id have in common"
    )
    rgb: list[Byte] = Field(description="Colour in the mask, or one grey value")
    """If the palette also has real colours, entries of one number are values of grey masks."""

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


class QuantCalibrationDataset(Node):
    """Images that a quantized model is calibrated on."""

    images_dir: str = setting(
        "", "Calibration images",
        "Folder of images, or one with images/test/; empty: the training images", is_path=True,
    )  # fmt: skip


class DatasetSegment(Node):
    """The data set: its folder, the meaning of its masks, its batches."""

    dataset: Literal["SFDataset"] = setting("SFDataset", "Data set class", "Layout of the data set")
    root_dir: str = setting(
        "", "Data folder",
        "Folder with images/<split>/ and masks/<split>/: a path, or s3://, gs://, http(s)://",
        is_path=True, must_be_set=True,
    )  # fmt: skip
    num_classes: Int = setting(2, "Classes", "Number of classes", ge=2, le=255)
    img_size: Int = setting(
        256, "Image size", "Width and height in pixels to which images are resized", ge=32
    )
    img_height: Side | None = setting(
        None, "Image height", "Height of the model's input in pixels; null: img_size"
    )
    img_width: Side | None = setting(
        None, "Image width", "Width of the model's input in pixels; null: img_size"
    )
    resize: Literal["squash", "pad", "crop"] = setting(
        "squash", "Resize",
        "How an image gets the input's size: squash: each side on its own; pad: aspect kept, the "
        "rest black and ignored; crop: not at all, random crops in training, then windows",
    )  # fmt: skip
    batch_size: Int = setting(8, "Batch size", "Images in a batch", ge=1)
    workers: Int = setting(
        1, "Workers", "Processes that load images; 0: the training process", ge=0
    )
    cache: Literal["ram", "disk"] = setting(
        "ram", "Cache",
        "Where decoded images are kept: ram: by each process, up to 512 MiB; disk: in the cache"
        " folder of this machine, by all trainings that read them alike",
    )  # fmt: skip
    cache_gb: Float = setting(
        20.0, "Size of the cache",
        "Most GB of decoded images on disk, of all data sets; what was not used for longest goes"
        " first, and a tenth of the disk stays free", gt=0,
        active_when={"dataset.segment.cache": "disk"},
    )  # fmt: skip
    shuffle: bool = setting(True, "Shuffle", "Draw training images in a new order every epoch")
    train_split: str = setting("train", "Training split", "Folder name of the training images")
    validation_split: str = setting("val", "Validation split", "Folder name of the val images")
    test_split: str = setting("val", "Test split", "Folder name of the test images")
    predict_split: str = setting("test", "Inference split", "Folder name of images without masks")
    label_transform: Annotated[Literal["norm", "None"], NullIsNone] = setting(
        "norm", "Label transform",
        "norm: mask values are 0 and 255 and are divided by 255; None: values are used as stored",
    )  # fmt: skip
    palette: list[PaletteEntry] = setting(
        _DEFAULT_PALETTE, "Palette", "Which colour or grey value of a mask is which class"
    )
    ignore_index: MaskValue | None = setting(
        255, "Ignored value",
        "Mask value, after label_transform, whose pixels never count; null: all count",
    )  # fmt: skip
    image_bits: Int = setting(
        16, "Bits in use",
        "Bits in use of 16-bit grey images and bands: 12 scales 0..4095 to black..white, and what "
        "is above is white", ge=8, le=16,
    )  # fmt: skip
    bands: list[Count] | None = setting(
        None, "Bands",
        "Bands of the image files that the model reads, counted from 0, red, green and blue first "
        "if there are such; null: files are read as RGB", min_length=1,
    )  # fmt: skip
    quant_calibration_dataset: QuantCalibrationDataset = section(
        QuantCalibrationDataset, "Images to calibrate a quantized model on"
    )
    has_up: bool = setting(
        False, "Has an up",
        "Whether the images have an up, as those of streets and rooms: then they are never mirrored"
        " top to bottom nor turned by more than 45 degrees",
    )  # fmt: skip
    prediction: Prediction = section(
        Prediction, "How pictures of any size are segmented, in validation and afterwards"
    )
    augmentation: Augmentation = section(Augmentation, "Random changes of the training images")
    sampling: Literal["uniform", "rare_class"] = setting(
        "uniform", "Sampling",
        "uniform: each training image once an epoch; rare_class: as many draws of images, by a"
        " class that they hold, rare ones more often",
        active_when={"dataset.segment.shuffle": True},
    )  # fmt: skip
    rare_class_temperature: Float = setting(
        0.1, "Temperature of rare classes",
        "A class of share f is drawn in proportion to exp((1 - f) / temperature): low prefers the"
        " rare, high draws all alike", ge=0.001, le=10, scale="log",
        active_when=[
            {"dataset.segment.sampling": "rare_class"},
            {"dataset.segment.augmentation.copy_paste_probability": {"not": 0.0}},
        ],
    )  # fmt: skip

    @field_validator("cache_gb")
    @classmethod
    def _if_on_disk(cls, value: float, info: ValidationInfo) -> float:
        return applies(cls, value, info, "dataset.segment.cache=disk", cache=("disk",))

    @field_validator("sampling")
    @classmethod
    def _if_shuffled(cls, value: str, info: ValidationInfo) -> str:
        return applies(cls, value, info, "dataset.segment.shuffle=true", shuffle=(True,))

    @field_validator("rare_class_temperature")
    @classmethod
    def _if_classes_are_drawn(cls, value: float, info: ValidationInfo) -> float:
        augmentation = info.data.get("augmentation")
        if augmentation is not None and augmentation.copy_paste_probability:
            return value
        when = (
            "dataset.segment.sampling=rare_class, or with"
            " dataset.segment.augmentation.copy_paste_probability above 0"
        )
        return applies(cls, value, info, when, sampling=("rare_class",))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the model's input in pixels."""
        return self.img_height or self.img_size, self.img_width or self.img_size

    @property
    def channels(self) -> int:
        """Channels of the model's input."""
        return RGB if self.bands is None else len(self.bands)

    @field_validator("bands")
    @classmethod
    def _each_once(cls, value: list[int] | None) -> list[int] | None:
        if value is not None and len(set(value)) < len(value):
            raise ValueError("must name each band once")
        return value

    @field_validator("palette")
    @classmethod
    def _one_class_per_colour(cls, value: list[PaletteEntry]) -> list[PaletteEntry]:
        seen: dict[tuple[int, ...], int] = {}
        has_colours = any(len(set(entry.rgb)) > 1 for entry in value)
        for entry in value:
            # If the palette has real colours, one number is a grey value, not a colour.
            rgb = tuple(entry.rgb if has_colours or len(entry.rgb) == 3 else entry.rgb * 3)
            if seen.setdefault(rgb, entry.label_id) != entry.label_id:
                raise ValueError(
                    f"gives colour {list(rgb)} to label_id {seen[rgb]} and {entry.label_id}"
                )
        return value

    @model_validator(mode="after")
    def _a_scaling_for_each_band(self) -> "DatasetSegment":
        """Means and deviations of red, green and blue hold for any number of bands."""
        # Past the validation of an assignment, which would come back here.
        self.__dict__["augmentation"] = over_bands(self.augmentation, self.channels)
        return self

    @model_validator(mode="after")
    def _ignored_is_no_class(self) -> "DatasetSegment":
        """A value of its own choice is a class or ignored; 255, the default, may be a class."""
        ignored = self.ignore_index
        for entry in self.palette:
            is_grey = len(set(entry.rgb)) == 1 and entry.rgb[0] == ignored
            if is_grey and ignored != IGNORED_ID and entry.label_id != IGNORED_ID:
                raise ValueError(
                    f"ignore_index {ignored} is also the value of class {entry.label_id}"
                    f" ({entry.seg_class}) in palette: it can be one of the two"
                )
        return self


class Dataset(Node):
    """Data sets by task; there is one task."""

    segment: DatasetSegment = section(DatasetSegment, "Data set for segmentation")


def size_text(size: tuple[int, int]) -> str:
    """Return a height and width as users give them: one number for a square."""
    height, width = size
    return str(height) if height == width else f"{height} x {width}"
