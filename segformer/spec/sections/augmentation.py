"""The spec's augmentation section: random changes of training images."""

from typing import Any, Literal

from pydantic import ValidationInfo, field_validator

from segformer.spec.fields import Float, Node, PositiveFloat, section, setting

_AUGMENTATION = "dataset.segment.augmentation"
_HAS_NO_UP = {"dataset.segment.has_up": False}
_TURNS = [90.0, 180.0, 270.0]
_RGB = 3
_HALF = [0.5] * _RGB
_ROTATES: list[dict[str, Any]] = [
    _HAS_NO_UP,
    {f"{_AUGMENTATION}.random_rotate.angle_list": {"not": _TURNS}},
]
"""Images with an up are turned by other angles only."""


class RandomFlip(Node):
    """Mirror the image and its mask."""

    enable: bool = setting(True, "Flip", "Mirror images at random", automl=True)
    hflip_probability: Float = setting(
        0.5, "Horizontal flip", "Share of images mirrored left to right", ge=0, le=1, automl=True,
        active_when={f"{_AUGMENTATION}.random_flip.enable": True},
    )  # fmt: skip
    vflip_probability: Float = setting(
        0.5, "Vertical flip", "Share of images mirrored top to bottom", ge=0, le=1, automl=True,
        active_when={f"{_AUGMENTATION}.random_flip.enable": True, **_HAS_NO_UP},
    )  # fmt: skip


class RandomRotate(Node):
    """Rotate the image and its mask about the centre."""

    enable: bool = setting(
        True, "Rotate", "Rotate images at random", automl=True, active_when=_ROTATES
    )
    rotate_probability: Float = setting(
        0.5, "Rotation probability", "Share of images rotated", ge=0, le=1, automl=True,
        active_when=[{f"{_AUGMENTATION}.random_rotate.enable": True, **one} for one in _ROTATES],
    )  # fmt: skip
    angle_list: list[Float] = setting(
        _TURNS, "Angles", "Angles in degrees, one of which is drawn", min_length=1
    )


class RandomColor(Node):
    """Change brightness, contrast, saturation and hue of the image."""

    enable: bool = setting(True, "Colour", "Change colours at random", automl=True)
    color_probability: Float = setting(
        0.5, "Colour probability", "Share of images whose colours change", ge=0, le=1, automl=True,
        active_when={f"{_AUGMENTATION}.random_color.enable": True},
    )  # fmt: skip
    brightness: Float = setting(
        0.3, "Brightness", "Largest relative change of brightness", ge=0, le=2, automl=True,
        active_when={f"{_AUGMENTATION}.random_color.enable": True},
    )  # fmt: skip
    contrast: Float = setting(
        0.3, "Contrast", "Largest relative change of contrast", ge=0, le=2, automl=True,
        active_when={f"{_AUGMENTATION}.random_color.enable": True},
    )  # fmt: skip
    saturation: Float = setting(
        0.3, "Saturation", "Largest relative change of saturation", ge=0, le=2, automl=True,
        active_when={f"{_AUGMENTATION}.random_color.enable": True},
    )  # fmt: skip
    hue: Float = setting(
        0.3, "Hue", "Largest shift of hue, in turns of the colour circle", ge=0, le=0.5,
        automl=True, active_when={f"{_AUGMENTATION}.random_color.enable": True},
    )  # fmt: skip
    strength: Float = setting(
        1.0, "Strength", "Factor of brightness, contrast, saturation and hue together", ge=0, le=2,
        active_when={f"{_AUGMENTATION}.random_color.enable": True},
    )  # fmt: skip


class ScaleRandomCrop(Node):
    """Enlarge or shrink, then crop back to img_size at a random place."""

    enable: bool = setting(True, "Scale and crop", "Scale images at random", automl=True)
    scale_range: list[PositiveFloat] = setting(
        [1.0, 1.2], "Scale range", "Smallest and largest factor", min_length=2, max_length=2
    )

    @field_validator("scale_range")
    @classmethod
    def _ordered(cls, value: list[float]) -> list[float]:
        if value[0] > value[1]:
            raise ValueError("the smallest factor comes first")
        return value


class RandomMix(Node):
    """Paste a part of another training image, with its mask."""

    mix_probability: Float = setting(
        0.0, "Mixing", "Share of images into which a part of another is pasted", ge=0, le=1
    )
    kind: Literal["cutmix", "classmix"] = setting(
        "cutmix", "Part that is pasted",
        "cutmix: a box of any size; classmix: the pixels of half of the other's classes",
        active_when={f"{_AUGMENTATION}.random_mix.mix_probability": {"not": 0.0}},
    )  # fmt: skip

    @field_validator("kind")
    @classmethod
    def _if_mixed(cls, value: str, info: ValidationInfo) -> str:
        if value != "cutmix" and not info.data.get("mix_probability", 1):
            raise ValueError("has an effect only with mix_probability above 0")
        return value


class Augmentation(Node):
    """Changes of a training image; validation images are only resized and normalised."""

    mean: list[Float] = setting(
        _HALF, "Mean",
        "Mean of red, green, blue, or of each band, in [0, 1], subtracted from every image; of "
        "three numbers and more bands the others have the mean of the three",
        min_length=1,
    )  # fmt: skip
    std: list[PositiveFloat] = setting(
        _HALF, "Standard deviation",
        "Divisor of red, green, blue, or of each band, after the mean is subtracted", min_length=1,
    )  # fmt: skip
    random_flip: RandomFlip = section(RandomFlip, "Random mirroring")
    random_rotate: RandomRotate = section(RandomRotate, "Random rotation")
    random_color: RandomColor = section(RandomColor, "Random change of colours")
    random_mix: RandomMix = section(RandomMix, "Random mixing of two images")
    copy_paste_probability: Float = setting(
        0.0, "Copy-paste",
        "Share of images into which the pixels of one class of another image are pasted, of rare"
        " classes more often (dataset.segment.rare_class_temperature)", ge=0, le=1,
    )  # fmt: skip
    with_scale_random_crop: ScaleRandomCrop = section(ScaleRandomCrop, "Random scaling and crop")
    with_random_blur: bool = setting(True, "Blur", "Blur images at random (radius up to 1 px)")
    with_random_crop: bool = setting(
        True, "Random crop", "Crop 80 to 100 % of the area at random and resize it back"
    )


def over_bands(settings: Augmentation, channels: int) -> Augmentation:
    """Return settings in which means and deviations of red, green and blue are those of the bands.

    Further bands have the mean of the three, and so has each of one or two. Lists of another
    length stay as they are.
    """
    if channels == _RGB:
        return settings
    lists = {name: getattr(settings, name) for name in ("mean", "std")}
    changed = {name: _spread(v, channels) for name, v in lists.items() if len(v) == _RGB}
    return settings.model_copy(update=changed) if changed else settings


def _spread(numbers: list[float], channels: int) -> list[float]:
    mean = round(sum(numbers) / _RGB, 6)
    return [*numbers, *[mean] * (channels - _RGB)] if channels > _RGB else [mean] * channels
