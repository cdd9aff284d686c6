"""TIFF files that Pillow reads wrongly or not at all: their facts, and their pixels by tifffile."""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segformer.errors import DataError

_SUBFILE, _BITS, _PHOTOMETRIC, _SAMPLES, _PLANAR, _FORMAT = 254, 258, 262, 277, 284, 339
_EXTRA, _ORIENTATION = 338, 274
_NODATA = 42113
"""GDAL's tag: the value of pixels without data, as text."""
_RGB, _YCBCR = 2, 6
_WIDTH, _HEIGHT = 256, 257
_REDUCED_OR_MASK = 1 | 4
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_NUMBERS = {1: "B", 3: "H", 4: "I", 16: "Q"}
"""The field types of whole numbers: BYTE, SHORT, LONG, LONG8."""
Content = bytes | mmap.mmap
_CODECS = "imagecodecs"
"""The library that tifffile decompresses by, but for Deflate, LZMA and PackBits."""
_MOST_PAGES = 1000
_MOST_ENTRIES = 50_000
"""Of all directories; a file could point to the same ones again and again."""


@dataclass(frozen=True)
class TiffFacts:
    """What the first picture of a TIFF is, and how many others are no overview or mask of it."""

    bits: int
    samples: int
    photometric: int
    is_planar: bool
    sample_format: int
    extra: int | None
    """What the first band beyond grey or RGB is: 0 not said, 1 or 2 alpha; None: no tag."""
    pictures: int
    pixels: int
    """Of the first picture, as its tags say."""

    @property
    def is_white_zero(self) -> bool:
        """Whether 0 is white, as scanners and X-rays have it."""
        return self.photometric == 0

    @property
    def is_signed_byte(self) -> bool:
        """Whether it is of one band of signed 8 bits."""
        return self.bits == 8 and self.samples == 1 and self.sample_format == _SIGNED

    @property
    def needs_tifffile(self) -> bool:
        """Whether Pillow mixes up the bytes: it takes planes of 16 bits for planes of 8."""
        return self.is_planar and self.samples > 1 and self.bits > 8

    @property
    def has_unknown_bands(self) -> bool:
        """Whether it has bands that are neither grey, red, green, blue nor alpha."""
        if self.photometric == _RGB:
            return self.samples > 4 or (self.samples == 4 and self.extra == 0)
        is_grey = self.photometric in (0, 1)
        return self.samples > 4 or (is_grey and self.samples > 1 + (self.extra in (1, 2)))

    @property
    def is_read_whole_by_pillow(self) -> bool:
        """Whether Pillow gives all bands with all their bits."""
        if self.samples == 1:
            return True
        is_colour = self.photometric in (_RGB, _YCBCR)
        return self.samples == 3 and is_colour and self.bits <= 8


def tiff_facts(content: Content) -> TiffFacts | None:
    """Read the tags of a TIFF or BigTIFF; None for another file, or one that is broken."""
    try:
        directories = list(_directories(content))
    except (struct.error, IndexError, ValueError, OverflowError):
        return None
    if not directories:
        return None
    first = directories[0]
    return TiffFacts(
        bits=first.get(_BITS, 1),
        samples=first.get(_SAMPLES, 1),
        photometric=first.get(_PHOTOMETRIC, 1),
        is_planar=first.get(_PLANAR, 1) == 2,
        sample_format=first.get(_FORMAT, _UNSIGNED),
        extra=first.get(_EXTRA),
        pixels=first.get(_WIDTH, 0) * first.get(_HEIGHT, 0),
        pictures=1 + sum(not tags.get(_SUBFILE, 0) & _REDUCED_OR_MASK for tags in directories[1:]),
    )


def check_bands(facts: TiffFacts, path: Path) -> None:
    """Raise `DataError` for an image with bands that nobody has named."""
    if facts.has_unknown_bands:
        some = list(range(min(facts.samples, 3)))
        raise DataError(
            f"{path}: holds {facts.samples} bands of {facts.bits} bits, neither grey nor RGB: name"
            f' those to use, counted from 0, as in "bands": {some} in dataset.json'
            " (dataset.segment.bands)"
        )


def check_range(facts: TiffFacts, path: Path) -> None:
    """Raise `DataError` for an image that has no known range."""
    if facts.sample_format == _FLOAT:
        raise DataError(f"{path}: is a {facts.bits}-bit float image, whose range is not known")
    # 32-bit values are read if they fit into 16 bits, as int32 arrays are saved by habit.
    if facts.sample_format == _SIGNED and facts.bits < 32:
        raise DataError(
            f"{path}: holds signed values, whose range is not known; save it as unsigned"
        )


def check_mask(facts: TiffFacts, path: Path) -> None:
    """Raise `DataError` for a mask whose values Pillow inverts, mixes up or leaves out."""
    if facts.is_white_zero and facts.bits > 1:
        raise DataError(
            f"{path}: stores 0 as white (photometric 0), so that its values may be inverted; save "
            "masks as PNG, or with 0 as black"
        )
    if facts.needs_tifffile:
        raise DataError(
            f"{path}: stores its colours in planes of {facts.bits} bits; save masks as PNG"
        )
    if facts.has_unknown_bands:
        raise DataError(
            f"{path}: holds {facts.samples} bands, neither grey nor RGB, of which some would be "
            "passed over; save masks with one band, the class of each pixel"
        )


def nodata_of(image: Any) -> float | None:
    """Return the value that a picture opened by Pillow marks as no data; NaN is one too."""
    text = image.tag_v2.get(_NODATA) if image.format == "TIFF" else None
    try:
        return float(str(text).strip("\0 ")) if text is not None else None
    except ValueError:
        return None


def read_by_tifffile(content: bytes, path: Path) -> NDArray[Any]:
    """Return HxWxS of the first picture, upright; raises `DataError` without the library."""
    if find_spec("tifffile") is None:
        raise DataError(
            f"{path}: is a TIFF that needs tifffile, for its bands or planes: pip install "
            "'automl-segformer[tiff]'"
        )
    tifffile: Any = import_module("tifffile")
    try:
        page = tifffile.TiffFile(BytesIO(content)).pages[0]
        values = np.asarray(page.asarray())
    except Exception as error:  # tifffile's decoders raise what they like.
        if isinstance(error, ImportError) or _CODECS in str(error):
            raise DataError(
                f"{path}: is a TIFF whose compression needs {_CODECS}: pip install "
                "'automl-segformer[tiff]'"
            ) from None
        raise DataError(f"{path}: cannot be read ({error})") from None
    if values.ndim == 2:
        values = values[..., None]
    elif page.planarconfig == 2:
        values = values.transpose(1, 2, 0)
    orientation = page.tags.get(_ORIENTATION)
    return _upright(values, orientation.value if orientation else 1)


def _upright(values: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return HxWxS turned as EXIF's orientation says."""
    if orientation in (5, 6, 7, 8):
        values = values.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return values[:, ::-1] if orientation in (2, 3, 6, 7) else values


def _directories(content: Content) -> Iterator[dict[int, int]]:
    """Yield the first whole number of each tag, directory by directory."""
    order = {b"II": "<", b"MM": ">"}[content[:2]] if content[:2] in (b"II", b"MM") else ""
    if not order:
        return
    (version,) = struct.unpack_from(f"{order}H", content, 2)
    is_big = version == 43
    if version not in (42, 43):
        return
    place_format, count_format, entry_size = ("Q", "Q", 20) if is_big else ("I", "H", 12)
    (place,) = struct.unpack_from(f"{order}{place_format}", content, 8 if is_big else 4)
    entries = 0
    for _ in range(_MOST_PAGES):
        if not place or entries > _MOST_ENTRIES:
            return
        (count,) = struct.unpack_from(f"{order}{count_format}", content, place)
        entries += count
        start = place + struct.calcsize(count_format)
        yield {
            tag: value
            for i in range(count)
            for tag, value in _entry(content, start + i * entry_size, order, is_big)
        }
        (place,) = struct.unpack_from(f"{order}{place_format}", content, start + count * entry_size)


def _entry(content: Content, place: int, order: str, is_big: bool) -> Iterator[tuple[int, int]]:
    tag, kind = struct.unpack_from(f"{order}HH", content, place)
    if kind not in _NUMBERS:
        return
    place_format = "Q" if is_big else "I"
    size = struct.calcsize(place_format)
    (count,) = struct.unpack_from(f"{order}{place_format}", content, place + 4)
    value_at = place + 4 + size
    if count * struct.calcsize(_NUMBERS[kind]) > size:
        (value_at,) = struct.unpack_from(f"{order}{place_format}", content, value_at)
    yield tag, struct.unpack_from(f"{order}{_NUMBERS[kind]}", content, value_at)[0]
