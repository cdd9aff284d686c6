"""Reads image and mask files into arrays, whatever mode they are stored in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from segformer.errors import DataError

_SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N", "I")
_PALETTES = ("P", "PA")


def read_image(path: Path) -> NDArray[np.uint8]:
    """Return an image as RGB, HxWx3, turned as its EXIF orientation says.

    16-bit grey is scaled from 0..65535, alpha is dropped. Raises `DataError` for what cannot be
    read or has no known range (32-bit values).
    """
    with _opened(path) as image:
        if image.mode in _SIXTEEN_BIT:
            return _eight_bits(np.asarray(image), path)
        if image.mode == "F":
            raise DataError(f"{path}: is a 32-bit float image, whose range is not known")
        if image.mode in ("RGBA", "LA", "PA"):
            # Pillow drops alpha in steps; the colour below alpha 0 is kept.
            image = image.convert({"RGBA": "RGB", "LA": "L", "PA": "RGBA"}[image.mode])
        return np.asarray(image.convert("RGB"))


def read_mask(path: Path, *, colours: bool = False) -> NDArray[np.int32]:
    """Return the values of a mask: HxW for grey and indices, HxWx3 for colours.

    `colours` says what a palette file means: the colours of its palette or its indices.
    Raises `DataError` for what cannot be read or holds fractions.
    """
    with _opened(path) as image:
        if image.mode in _PALETTES and colours:
            image = image.convert("RGB")
        if image.mode == "PA":
            image = image.getchannel(0)
        if image.mode == "F":
            return _whole(np.asarray(image), path)
        if image.mode == "LA":
            image = image.getchannel("L")
        if image.mode not in ("1", "L", "P", "RGB", *_SIXTEEN_BIT):
            image = image.convert("RGB")
        values: NDArray[np.int32] = np.asarray(image).astype(np.int32)
        return values


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open and decode an image; whatever Pillow says about the file becomes a `DataError`."""
    try:
        with Image.open(path) as image:
            ImageOps.exif_transpose(image, in_place=True)
            image.load()
            yield image
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError(f"{path}: is not an image") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None


def _eight_bits(values: NDArray[Any], path: Path) -> NDArray[np.uint8]:
    if values.min() < 0 or values.max() > 65535:
        raise DataError(f"{path}: is a 32-bit image, whose range is not known")
    grey = np.round(values / 257).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _whole(values: NDArray[Any], path: Path) -> NDArray[np.int32]:
    whole = np.nan_to_num(values, nan=-1.0, posinf=-1.0, neginf=-1.0)
    if not np.array_equal(whole, np.round(values)):
        raise DataError(f"{path}: is a float mask that holds values which are no whole numbers")
    result: NDArray[np.int32] = whole.astype(np.int32)
    return result
