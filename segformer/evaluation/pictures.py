"""Pictures of a segmentation for people: class ids in colours, beside or over the image."""

import colorsys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from segformer.data.labels import IGNORED, holds_colours
from segformer.spec.sections.dataset import DatasetSegment

Pixels = NDArray[np.uint8]

_GREY = 128
_GOLDEN = 0.61803398875  # Hues a golden share of the circle apart never come near each other.


def class_colours(segment: DatasetSegment) -> Pixels:
    """Return a colour for each of 256 ids, 256x3: the palette's where it has real colours.

    Classes that the palette leaves out get a colour of their own; ignored pixels are grey.
    """
    colours = np.array([_distinct(index) for index in range(256)], dtype=np.uint8)
    if holds_colours(segment):
        # The first entry of a class is the one that names it.
        for entry in reversed(segment.palette):
            colours[entry.label_id] = entry.rgb * 3 if len(entry.rgb) == 1 else entry.rgb
    colours[IGNORED] = _GREY
    return colours


def write_mask(path: Path, ids: Pixels, colours: Pixels) -> None:
    """Write class ids HxW as a PNG whose values are the ids and whose palette shows colours."""
    height, width = ids.shape
    image = Image.frombytes("P", (width, height), ids.tobytes())
    image.putpalette(colours.tobytes())
    image.save(path)


def overlay(image: Pixels, ids: Pixels, colours: Pixels) -> Pixels:
    """Return the image HxWx3, half of it replaced by the colours of its class ids HxW."""
    return ((image.astype(np.uint16) + colours[ids]) // 2).astype(np.uint8)


def shown(image: Tensor, segment: DatasetSegment) -> Pixels:
    """Return a model's input 3xHxW as the picture HxWx3 that it was made of."""
    scaling = segment.augmentation
    pixels = image.numpy().transpose(1, 2, 0) * scaling.std + scaling.mean
    return np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


def side_by_side(pictures: Sequence[Pixels]) -> Pixels:
    """Return pictures of one height HxWx3 in a row."""
    return np.concatenate(pictures, axis=1)


def write_picture(path: Path, picture: Pixels) -> None:
    """Write HxWx3 as PNG."""
    Image.fromarray(picture).save(path)


def _distinct(index: int) -> tuple[int, int, int]:
    hue = (index * _GOLDEN) % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.75, 1.0 if index % 2 else 0.75)
    return round(red * 255), round(green * 255), round(blue * 255)
