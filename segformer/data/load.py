"""Reads one pair: the image, and its mask as class ids of the same size."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segformer.data.images import TURNED, Colour, ImageFile, MaskFile, read_image_file
from segformer.data.labels import GREY, Labels, labels_of
from segformer.data.pairs import Pair
from segformer.errors import DataError
from segformer.spec.sections.dataset import DatasetSegment

_TURNED = (
    "; the image is turned as its EXIF says and the mask is not: save both as they are to be seen"
)
_SCALED = "; save both in one size, masks scaled to the nearest pixel"


@dataclass(frozen=True)
class LoadedPair:
    """Image HxWxC, class ids HxW, and how the mask was read (`Labels.reading`)."""

    image: NDArray[np.uint8]
    ids: NDArray[np.uint8]
    reading: str
    kind: str = ""
    """How the image is stored (`ImageFile.kind`)."""
    largest: int | None = None
    """The largest value of an image of 16 bits."""
    table: frozenset[tuple[int, Colour]] = frozenset()
    """The colours of the indices that are used, of a palette file that is read by its indices."""
    is_scaled: bool = True
    """Whether the bits in use scale the image, of one of 16 bits."""
    empty: tuple[int, int] | None = None
    """The value that the mask marks as no data, and the class id of such pixels."""
    is_turned_alone: bool = False
    """Whether the image has been turned as its EXIF says and the mask not, of the same size."""
    is_lossy: bool = False
    """See `MaskFile`."""


def load_image(path: Path, segment: DatasetSegment) -> ImageFile:
    """Read an image as a model of these settings takes it; raises `DataError`."""
    return read_image_file(path, bits=segment.image_bits, bands=segment.bands)


def load_pair(pair: Pair, segment: DatasetSegment) -> LoadedPair:
    """Read a pair; raises `DataError` with all its faults."""
    faults: list[str] = []
    image = labels = mask = None
    try:
        image = load_image(pair.image, segment)
    except DataError as error:
        faults += error.faults
    try:
        mask = pair.read_mask()
        if image is not None and image.pixels.shape[:2] != mask.values.shape[:2]:
            hint = _TURNED if image.turn != mask.turn else _SCALED if pair.draw is None else ""
            faults.append(_sizes(pair, image.pixels.shape, mask.values.shape) + hint)
        labels = labels_of(mask, segment, where=pair.mask)
    except DataError as error:
        faults += error.faults
    if faults or image is None or labels is None or mask is None:
        raise DataError(faults)
    is_by_index = mask.table is not None and labels.reading == GREY
    return LoadedPair(
        image.pixels, labels.ids, labels.reading, image.kind, image.largest,
        mask.used_table() if is_by_index else frozenset(), image.is_scaled, _empty(mask, labels),
        _is_turned_alone(image, mask), mask.is_lossy,
    )  # fmt: skip


def _is_turned_alone(image: ImageFile, mask: MaskFile) -> bool:
    """Whether an image was turned and its mask not, and their sizes do not prove that right."""
    height, width = image.pixels.shape[:2]
    is_proven = image.turn in TURNED and height != width
    return image.turn != mask.turn and not is_proven and not mask.is_drawn


def _empty(mask: MaskFile, labels: Labels) -> tuple[int, int] | None:
    if mask.nodata is None:
        return None
    is_empty = mask.values == mask.nodata
    places = is_empty if is_empty.ndim == 2 else is_empty.all(axis=2)
    ids = labels.ids[places]
    return (mask.nodata, int(ids[0])) if ids.size else None


def _sizes(pair: Pair, image: tuple[int, ...], mask: tuple[int, ...]) -> str:
    of_mask, of_image = (f"{shape[1]}x{shape[0]}" for shape in (mask, image))
    if pair.draw is not None:  # Of many images, the annotations may be one file.
        return f"{pair.image}: is {of_image} pixels, but {pair.mask.name} says {of_mask}"
    return f"{pair.mask}: is {of_mask} pixels, but its image {pair.image.name} is {of_image}"
