"""Pictures of a segmentation: class ids in colours, next to the image or over it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from segformer.spec.sections.dataset import DatasetSegment

Pixels = NDArray[np.uint8]


def write_mask(path: Path, ids: Pixels, colours: Pixels) -> None:
    """Write class ids HxW as a PNG with a palette: values are ids, viewers show colours."""
    height, width = ids.shape
    image = Image.frombytes("P", (width, height), ids.tobytes())
    image.putpalette(colours.tobytes())
    image.save(path)


def unscaled(image: Tensor, segment: DatasetSegment) -> Pixels:
    """Return the picture HxWx3 of a model's input 3xHxW, with the scaling undone."""
    scaling = segment.augmentation
    pixels = image.numpy().transpose(1, 2, 0) * scaling.std + scaling.mean
    return np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


def side_by_side(pictures: Sequence[Pixels]) -> Pixels:
    """Return pictures HxWx3 of one height in a row."""
    return np.concatenate(pictures, axis=1)


def write_picture(path: Path, picture: Pixels) -> None:
    """Write HxWx3 as PNG."""
    Image.fromarray(picture).save(path)
