"""Pictures of a segmentation: class ids in colours, next to the image or over it."""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segformer.data.png_rows import PngRows

Pixels = NDArray[np.uint8]


def mask_png(file: BinaryIO, size: tuple[int, int], colours: Pixels) -> PngRows:
    """Begin a PNG of class ids with a palette: values are ids, viewers show colours."""
    return PngRows(file, size, palette=colours.tobytes())


def side_by_side(pictures: Sequence[Pixels]) -> Pixels:
    """Return pictures HxWx3 of one height in a row."""
    return np.concatenate(pictures, axis=1)


def write_picture(path: Path, picture: Pixels) -> None:
    """Write HxWx3 as PNG."""
    Image.fromarray(picture).save(path)
