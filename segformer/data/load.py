"""Reads one pair: the image, and its mask as class ids of the same size."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segformer.data.files import read_image, read_mask
from segformer.data.labels import holds_colours, label_ids
from segformer.data.pairs import Pair
from segformer.errors import DataError
from segformer.spec_dataset import DatasetSegment


def load_pair(pair: Pair, segment: DatasetSegment) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return image HxWx3 and class ids HxW; raises `DataError` with all that is wrong."""
    faults: list[str] = []
    image = ids = None
    try:
        image = read_image(pair.image)
    except DataError as error:
        faults += error.faults
    try:
        mask = read_mask(pair.mask, colours=holds_colours(segment))
        if image is not None and image.shape[:2] != mask.shape[:2]:
            faults.append(_sizes(pair, image.shape, mask.shape))
        ids = label_ids(mask, segment, where=_named(pair.mask))
    except DataError as error:
        faults += error.faults
    if faults or image is None or ids is None:
        raise DataError(faults)
    return image, ids


def _named(mask: Path) -> str:
    if mask.suffix.lower() in (".jpg", ".jpeg"):
        return f"{mask} (a JPEG, which changes values when it compresses; masks belong in PNG)"
    return str(mask)


def _sizes(pair: Pair, image: tuple[int, ...], mask: tuple[int, ...]) -> str:
    return (
        f"{pair.mask}: is {mask[1]}x{mask[0]} pixels, "
        f"but its image {pair.image.name} is {image[1]}x{image[0]}"
    )
