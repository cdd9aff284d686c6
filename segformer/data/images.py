"""Reads image and mask files of any mode into arrays."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from segformer.errors import DataError

# No other format of Pillow is opened: some start programs (EPS runs Ghostscript).
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF")
_SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N", "I")
_PALETTES = ("P", "PA")
_LOSSY_TIFF = ("jpeg", "webp")
_BITS_PER_SAMPLE = 258
_LARGEST_VALUE = 2**20  # No class: beyond 16 bits, and exact as a 32-bit float.


@dataclass(frozen=True)
class MaskFile:
    """The content of a mask file, before it is interpreted."""

    values: NDArray[np.int32]
    """HxW for grey and indices, HxWx3 for colours; samples of fewer than 8 bits as stored."""
    bits: int = 8
    """Bits of a grey sample; 1, 2 and 4 mean that 1, 3 and 15 are white."""
    table: NDArray[np.int32] | None = None
    """The colours Nx3 of an index file."""


def read_image(path: Path) -> NDArray[np.uint8]:
    """Return an image as RGB, HxWx3, rotated by its EXIF orientation.

    16-bit grey is scaled from 0..65535; alpha is dropped. Raises `DataError` for a file that
    cannot be read or has no known range (32-bit values).
    """
    with _opened(path) as (image, _):
        if image.mode in _SIXTEEN_BIT:
            return _eight_bits(np.asarray(image), path)
        if image.mode == "F":
            raise DataError(f"{path}: is a 32-bit float image, whose range is not known")
        if image.mode in ("RGBA", "LA", "PA"):
            # Pillow drops alpha in steps; the colour below alpha 0 is kept.
            image = image.convert({"RGBA": "RGB", "LA": "L", "PA": "RGBA"}[image.mode])
        return np.asarray(image.convert("RGB"))


def read_mask(path: Path) -> MaskFile:
    """Return the content of a mask file.

    Raises `DataError` for a file that cannot be read, holds fractions or has lossy compression.
    """
    with _opened(path) as (image, content):
        if _is_lossy(image, content):
            raise DataError(
                f"{path}: has lossy compression ({image.format}), which changes the values of a "
                "mask; save masks as PNG, from their source"
            )
        bits = _grey_bits(image, content)
        table = _table(image) if image.mode in _PALETTES else None
        if image.mode == "F":
            return MaskFile(_whole(np.asarray(image), path))
        if image.mode in ("LA", "PA"):
            image = image.getchannel(0)
        if image.mode not in ("1", "L", "P", "RGB", *_SIXTEEN_BIT):
            image = image.convert("RGB")
        values: NDArray[np.int32] = np.asarray(image).astype(np.int32)
        if 1 < bits < 8:
            values //= 255 // (2**bits - 1)  # Pillow has stretched them to 0..255.
        return MaskFile(values, bits, table)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, bytes]]:
    """Yield the decoded image and the file's bytes; Pillow's errors become `DataError`."""
    try:
        content = path.read_bytes()
        with Image.open(BytesIO(content), formats=_FORMATS) as image:
            # Only verify() compares the checksums of a PNG.
            image.verify()
        with Image.open(BytesIO(content), formats=_FORMATS) as image:
            # An MPO is the JPEG of many phones; its first picture is the photograph.
            frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
            if frames > 1:
                raise DataError(f"{path}: holds {frames} pictures; a file may hold one")
            ImageOps.exif_transpose(image, in_place=True)
            image.load()
            yield image, content
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError(f"{path}: is not an image (PNG, JPEG, BMP, WebP, TIFF)") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None


def _is_lossy(image: Any, content: bytes) -> bool:
    if image.format == "WEBP":
        return b"VP8 " in content[:4096]  # The chunk of the lossy coder; VP8L is the other.
    if image.format == "TIFF":
        return image.info.get("compression") in _LOSSY_TIFF
    return image.format in ("JPEG", "MPO")


def _grey_bits(image: Any, content: bytes) -> int:
    """Return the bits of a grey sample as stored: Pillow widens 2 and 4 bits to 8."""
    if image.mode == "1":
        return 1
    if image.mode == "L" and image.format == "PNG":
        return content[24]  # The bit depth of IHDR, which comes first in every PNG.
    if image.mode == "L" and image.format == "TIFF":
        return int(image.tag_v2.get(_BITS_PER_SAMPLE, (8,))[0])
    return 8


def _table(image: Any) -> NDArray[np.int32]:
    colours = image.getpalette("RGB") or []
    return np.array(colours, dtype=np.int32).reshape(-1, 3)


def _eight_bits(values: NDArray[Any], path: Path) -> NDArray[np.uint8]:
    if values.min() < 0 or values.max() > 65535:
        raise DataError(f"{path}: is a 32-bit image, whose range is not known")
    grey = np.round(values / 257).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _whole(values: NDArray[Any], path: Path) -> NDArray[np.int32]:
    whole = np.nan_to_num(values, nan=-1.0, posinf=-1.0, neginf=-1.0).clip(-1, _LARGEST_VALUE)
    if not np.array_equal(whole, np.round(values)):
        raise DataError(f"{path}: is a float mask that holds values which are no whole numbers")
    result: NDArray[np.int32] = whole.astype(np.int32)
    return result
