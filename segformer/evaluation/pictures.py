"""Pictures of a segmentation: class ids in colours, next to the image or over it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


def write_mask(path: Path, ids: Pixels, colours: Pixels) -> None:
    """Write class ids HxW as a PNG with a palette: values are ids, viewers show colours."""
    height, width = ids.shape
    image = Image.frombytes("P", (width, height), ids.tobytes())
    image.putpalette(colours.tobytes())
    image.save(path)


def side_by_side(pictures: Sequence[Pixels]) -> Pixels:
    """Return pictures HxWx3 of one height in a row."""
    return np.concatenate(pictures, axis=1)


def write_picture(path: Path, picture: Pixels) -> None:
    """Write HxWx3 as PNG."""
    Image.fromarray(picture).save(path)
