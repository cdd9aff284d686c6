"""Images of any number of bands: choosing bands, showing them, and changing them by Pillow.

Wherever a model takes more than three, the first three are taken for red, green and blue.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segformer.errors import DataError

Pixels = NDArray[np.uint8]
BandNumbers = Sequence[int] | Literal["any"]
"""Numbers of bands, from 0; any: a picture as RGB, and all bands of what is none."""

_RGB = 3


def chosen(values: NDArray[Any], bands: BandNumbers, where: object) -> NDArray[Any]:
    """Return bands of HxWxS; raises `DataError` if there are fewer, as a picture has."""
    if bands == "any":
        return values
    count = values.shape[2]
    if beyond := [band for band in bands if int(band) >= count]:
        raise DataError(
            f"{where}: has {_bands(count)}, numbered from 0, so no band {_listed(beyond)} of"
            f" dataset.segment.bands={list(bands)}"
        )
    return values[..., list(bands)]


def check_channels(image: NDArray[Any], channels: int) -> None:
    """Raise `DataError` for pixels that are not HxWxC of 0 to 255."""
    if image.ndim != _RGB or image.shape[2] != channels:
        raise DataError(
            f"pixels of shape {image.shape}: the model takes {_bands(channels)}, HxWx{channels}"
        )
    if image.dtype != np.uint8:
        raise DataError(f"pixels of type {image.dtype}: give uint8, from 0 to 255")
    if image.size == 0:
        raise DataError(f"pixels of shape {image.shape}: there are none")


def composite(image: Pixels) -> Pixels:
    """Return HxWxC as a picture HxWx3: its first three bands, or fewer than three as grey."""
    if image.shape[2] == _RGB:
        return image
    return image[..., :_RGB] if image.shape[2] > _RGB else image[..., :1].repeat(_RGB, axis=2)


def by_pillow(image: Pixels, change: Callable[[Image.Image], Image.Image]) -> Pixels:
    """Return a mask HxW or an image HxWxC after a change that treats every band alike.

    Pillow has no pictures of five bands, and changes those of four by their alpha.
    """
    if image.ndim == 2 or image.shape[2] == _RGB:
        return np.asarray(change(Image.fromarray(np.ascontiguousarray(image))))
    bands = (np.ascontiguousarray(image[..., band]) for band in range(image.shape[2]))
    return np.stack([np.asarray(change(Image.fromarray(band))) for band in bands], axis=2)


def _bands(count: int) -> str:
    return f"{count} band{'s' * (count != 1)}"


def _listed(bands: Sequence[int | str]) -> str:
    return " and ".join(map(str, bands))
