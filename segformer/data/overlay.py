"""Class ids in colours, over the image."""

import colorsys

import numpy as np
from numpy.typing import NDArray

from segformer.data.channels import composite
from segformer.data.labels import IGNORED, holds_colours
from segformer.spec.sections.dataset import DatasetSegment

Pixels = NDArray[np.uint8]

_GREY = 128
_STRIPE = 4
_GOLDEN = 0.61803398875
"""Steps of the golden ratio around the circle keep any number of hues apart."""


def class_colours(segment: DatasetSegment) -> Pixels:
    """Return the colours of 256 ids, 256x3: the palette's if it has colours, not class ids.

    Other classes get distinct hues; ignored pixels are grey.
    """
    colours = np.array([_distinct(index) for index in range(256)], dtype=np.uint8)
    if holds_colours(segment):
        # Reversed, so that the first entry of a class wins: it also names the class.
        for entry in reversed(segment.palette):
            colours[entry.label_id] = entry.rgb * 3 if len(entry.rgb) == 1 else entry.rgb
    colours[IGNORED] = _GREY
    return colours


def overlay(image: Pixels, ids: Pixels, colours: Pixels) -> Pixels:
    """Return the mean of the image HxWxC, as a picture HxWx3, and the colours of its ids HxW.

    Ignored pixels are striped.
    """
    marked, ignored = colours[ids], ids == IGNORED
    if ignored.any():  # Predictions have none, and may be large.
        marked = striped(marked, ignored)
    return ((composite(image).astype(np.uint16) + marked) // 2).astype(np.uint8)


def striped(picture: Pixels, where: NDArray[np.bool_]) -> Pixels:
    """Return a picture HxWx3 with diagonal stripes in some pixels: no class looks like it."""
    rows, columns = np.indices(where.shape)
    stripes = np.where((rows + columns) // _STRIPE % 2, 255, 60).astype(np.uint8)
    return np.where(where[..., None], stripes[..., None], picture)


def _distinct(index: int) -> tuple[int, int, int]:
    hue = (index * _GOLDEN) % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.75, 1.0 if index % 2 else 0.75)
    return round(red * 255), round(green * 255), round(blue * 255)
