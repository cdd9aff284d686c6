"""Bits in use of 16-bit images: sensors of 10, 12 or 14 bits leave the upper ones zero."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

from segformer.data.channels import BandNumbers
from segformer.data.images import WIDE_BITS, read_image_file
from segformer.errors import DataError

_LEAST_BITS = 8
_SAMPLED = 4


def bits_in_use(images: Sequence[Path], bands: BandNumbers | None = None) -> int:
    """Return the bits that the largest value of a set's 16-bit grey images or bands needs, 8 to 16.

    One number for all images: scaled each by its own, equal values would become unequal. A set
    of which some images from all over are of another kind is taken to have none.
    """
    some = images[:: max(1, len(images) // _SAMPLED)]
    if all(_largest(path, bands) is None for path in some):
        return WIDE_BITS
    with ThreadPoolExecutor(max_workers=min(8, cpu_count() or 1)) as pool:
        values = pool.map(lambda path: _largest(path, bands) or 0, images)
        largest = max(values, default=0)
    return max(_LEAST_BITS, largest.bit_length())


def unused_bits_line(largest: int, bits: int) -> str:
    """Return a line for images whose values end far below the white that `bits` stand for."""
    white = 2**bits - 1
    return (
        f"16-bit images hold values up to {largest}, {largest / white:.1%} of the {white} that "
        f"are white by dataset.segment.image_bits={bits}; {max(largest, 1).bit_length()} bits are "
        "in use"
    )


def dark_colours_line(largest: int) -> str:
    """Return a line for colours of 16 bits that leave the upper bits of their upper byte zero."""
    return (
        f"16-bit colours hold values up to about {largest} of {2**WIDE_BITS - 1}, and their upper "
        "bytes alone are read, so that they are dark; save them with 8 bits, or as TIFF with named "
        'bands, which are scaled by the bits in use: "bands": [0, 1, 2] in dataset.json'
    )


def _largest(path: Path, bands: BandNumbers | None) -> int | None:
    try:
        image = read_image_file(path, bands=bands)
    except DataError:
        return None  # The check names it.
    return image.largest if image.is_scaled else None
