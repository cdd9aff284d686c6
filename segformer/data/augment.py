"""Random changes of a training image and its mask, drawn from a given generator."""

import math

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from segformer.data.channels import by_pillow
from segformer.data.labels import IGNORED
from segformer.spec.fields import Node
from segformer.spec.sections.augmentation import Augmentation, RandomColor, RandomFlip, RandomRotate
from segformer.spec.sections.dataset import RGB, DatasetSegment

Pixels = NDArray[np.uint8]

_SMALLEST_CROP = 0.8
_WIDEST_CROP = 4 / 3
_LARGEST_BLUR = 1.0


def settings_of(segment: DatasetSegment) -> Augmentation:
    """Return the augmentation of a data set: of its strength, and upright if it has an up."""
    settings = segment.augmentation
    colour = settings.random_color
    scaled = {
        name: getattr(colour, name) * colour.strength
        for name in ("brightness", "contrast", "saturation", "hue")
    }
    changes: dict[str, Node] = {"random_color": colour.model_copy(update=scaled)}
    if segment.has_up:
        changes |= _upright(settings)
    return settings.model_copy(update=changes)


def _upright(settings: Augmentation) -> dict[str, Node]:
    """Sections without what moves the up of an image by more than 45 degrees."""
    rotate = settings.random_rotate
    angles = [angle for angle in rotate.angle_list if abs((angle + 180) % 360 - 180) <= 45]
    is_enabled = rotate.enable and bool(angles)
    return {
        "random_flip": settings.random_flip.model_copy(update={"vflip_probability": 0.0}),
        "random_rotate": rotate.model_copy(update={"enable": is_enabled, "angle_list": angles}),
    }


def augment(
    image: Pixels, mask: Pixels, settings: Augmentation, *, draw: Generator
) -> tuple[Pixels, Pixels]:
    """Return a changed image HxWxC and mask HxW of the same sizes.

    In order: flips, rotation, crop, scaling, blur, colour. Pixels from outside the image are
    black, and ignored in the mask.
    """
    image, mask = _flip(image, mask, settings.random_flip, draw)
    image, mask = _rotate(image, mask, settings.random_rotate, draw)
    if settings.with_random_crop:
        image, mask = _crop(image, mask, draw)
    if settings.with_scale_random_crop.enable:
        low, high = settings.with_scale_random_crop.scale_range
        image, mask = _scale(image, mask, draw.uniform(low, high), draw)
    if settings.with_random_blur:
        radius = draw.uniform(0, _LARGEST_BLUR)
        image = by_pillow(image, lambda part: part.filter(ImageFilter.GaussianBlur(radius)))
    if settings.random_color.enable and draw.random() < settings.random_color.color_probability:
        image = _recolour(image, settings.random_color, draw)
    return np.ascontiguousarray(image), np.ascontiguousarray(mask)


def resized(image: Pixels, mask: Pixels, size: tuple[int, int]) -> tuple[Pixels, Pixels]:
    """Return image and mask at another (width, height): bicubic, and the nearest pixel."""
    # Across and then down: each step rounds, and versions of Pillow differ in the order.
    across = size[0], len(image)
    cubic, nearest = Image.Resampling.BICUBIC, Image.Resampling.NEAREST
    return (
        by_pillow(image, lambda part: part.resize(across, cubic).resize(size, cubic)),
        by_pillow(mask, lambda part: part.resize(size, nearest)),
    )


def _flip(
    image: Pixels, mask: Pixels, settings: RandomFlip, draw: Generator
) -> tuple[Pixels, Pixels]:
    if not settings.enable:
        return image, mask
    if draw.random() < settings.hflip_probability:
        image, mask = image[:, ::-1], mask[:, ::-1]
    if draw.random() < settings.vflip_probability:
        image, mask = image[::-1], mask[::-1]
    return image, mask


def _rotate(
    image: Pixels, mask: Pixels, settings: RandomRotate, draw: Generator
) -> tuple[Pixels, Pixels]:
    if not settings.enable or draw.random() >= settings.rotate_probability:
        return image, mask
    angle = settings.angle_list[draw.integers(len(settings.angle_list))]
    is_square = image.shape[0] == image.shape[1]
    if angle % (90 if is_square else 180) == 0:  # Exact, and nothing comes in from outside.
        turns = round(angle / 90)
        return np.rot90(image, turns), np.rot90(mask, turns)
    smooth, nearest = Image.Resampling.BILINEAR, Image.Resampling.NEAREST
    return (
        by_pillow(image, lambda part: part.rotate(angle, smooth)),
        by_pillow(mask, lambda part: part.rotate(angle, nearest, fillcolor=IGNORED)),
    )


def _crop(image: Pixels, mask: Pixels, draw: Generator) -> tuple[Pixels, Pixels]:
    """Cut out 80 to 100 % of the area, up to a third longer than wide, and resize it back."""
    whole_height, whole_width = mask.shape
    side = math.sqrt(draw.uniform(_SMALLEST_CROP, 1))
    stretch = math.exp(draw.uniform(-1, 1) * math.log(_WIDEST_CROP) / 2)
    width = min(whole_width, round(whole_width * side * stretch))
    height = min(whole_height, round(whole_height * side / stretch))
    left, top = draw.integers(whole_width - width + 1), draw.integers(whole_height - height + 1)
    window = np.s_[top : top + height, left : left + width]
    return resized(image[window], mask[window], (whole_width, whole_height))


def _scale(image: Pixels, mask: Pixels, factor: float, draw: Generator) -> tuple[Pixels, Pixels]:
    """Resize by a factor, then cut out, or pad to, the old size at a random place."""
    height, width = mask.shape
    tall, wide = max(1, round(height * factor)), max(1, round(width * factor))
    if (tall, wide) == (height, width):
        return image, mask
    image, mask = resized(image, mask, (wide, tall))
    left, top = draw.integers([abs(width - wide) + 1, abs(height - tall) + 1])
    if factor > 1:
        window = np.s_[top : top + height, left : left + width]
        return image[window], mask[window]
    window = np.s_[top : top + tall, left : left + wide]
    padded_image = np.zeros((height, width, *image.shape[2:]), dtype=np.uint8)
    padded_mask = np.full((height, width), IGNORED, dtype=np.uint8)
    padded_image[window], padded_mask[window] = image, mask
    return padded_image, padded_mask


def _recolour(image: Pixels, settings: RandomColor, draw: Generator) -> Pixels:
    """Change brightness and contrast of all bands, saturation and hue of the first three."""
    brightness, contrast, saturation = (
        draw.uniform(max(0, 1 - largest), 1 + largest)
        for largest in (settings.brightness, settings.contrast, settings.saturation)
    )
    turns = draw.uniform(-settings.hue, settings.hue) if settings.hue else None
    if image.shape[2] == RGB:
        picture = ImageEnhance.Brightness(_picture(image)).enhance(brightness)
        picture = ImageEnhance.Contrast(picture).enhance(contrast)
        return _tinted(picture, saturation, turns)
    image = _brightened(image, brightness, contrast)
    if image.shape[2] < RGB:
        return image
    colours = _tinted(_picture(image[..., :RGB]), saturation, turns)
    return np.concatenate([colours, image[..., RGB:]], axis=2)


def _brightened(image: Pixels, brightness: float, contrast: float) -> Pixels:
    """Do for any number of bands what Pillow does for three; the mean is that of all bands."""
    values = np.clip(image.astype(np.float32) * brightness, 0, 255)
    mean = np.round(values.mean())
    changed: Pixels = np.clip(mean + (values - mean) * contrast, 0, 255).astype(np.uint8)
    return changed


def _tinted(picture: Image.Image, saturation: float, turns: float | None) -> Pixels:
    picture = ImageEnhance.Color(picture).enhance(saturation)
    if turns is not None:
        colours = np.array(picture.convert("HSV"))
        colours[..., 0] += np.uint8(round(turns * 256) % 256)  # Wraps around, as hue does.
        picture = Image.fromarray(colours, "HSV").convert("RGB")
    return np.asarray(picture)


def _picture(pixels: Pixels) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(pixels))
