"""Bits in use of 16-bit images: sensors of 10, 12 or 14 bits leave the upper ones zero."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import compress
from os import cpu_count
from pathlib import Path

from segformer.data.channels import BandNumbers
from segformer.data.images import WIDE_BITS, read_image_file
from segformer.data.tiff import tiff_facts
from segformer.errors import DataError

_LEAST_BITS = 8
_HEAD = 26
"""The bytes of a PNG up to its bit depth and the kind of its colours."""
_PNG = b"\x89PNG"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def bits_in_use(images: Sequence[Path], bands: BandNumbers | None = None) -> int:
    """Return the bits that the largest value of a set's 16-bit grey images or bands needs, 8 to 16.

    One number for all images: scaled each by its own, equal values would become unequal. Images
    of 8 bits beside them stay as they are.
    """
    with ThreadPoolExecutor(max_workers=min(8, cpu_count() or 1)) as pool:
        wide = [*compress(images, pool.map(_may_be_wide, images))]
        found = [each for each in pool.map(lambda p: _largest(p, bands), wide) if each is not None]
    return max(_LEAST_BITS, max(found).bit_length()) if found else WIDE_BITS


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


def _may_be_wide(path: Path) -> bool:
    """Whether a file may have samples of 16 bits by its first bytes, of a TIFF by its tags."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            if head[:4] not in _TIFF:
                return head[:4] == _PNG and head[24:25] == bytes([WIDE_BITS])
            facts = tiff_facts(head + file.read())
    except (OSError, DataError):
        return False  # The check names it.
    return facts is None or facts.bits > _LEAST_BITS


def _largest(path: Path, bands: BandNumbers | None) -> int | None:
    try:
        image = read_image_file(path, bands=bands)
    except DataError:
        return None  # The check names it.
    return image.largest if image.is_scaled else None
