"""Masks with lossy compression: black and white can be told, and other values cannot."""

import numpy as np
from numpy.typing import NDArray

_BLOCK = 8
"""The side of JPEG's blocks; one of a single value is coded the same wherever it lies."""
_NEAR = 16
"""How far black and white may be changed where a block has no edge."""
_MIDDLE = 64, 192
_MOST_OF_EDGES = 0.05
"""The largest share of pixels between black and white: edges have a few."""
_MOST_OF_OTHERS = 0.01
"""The largest share of blocks of another black than most, as a second compression leaves."""
_MOST_COLOUR = 32


def black_and_white(pixels: NDArray[np.uint8]) -> NDArray[np.int32] | None:
    """Return 0 and 255 for HxWx3 that was black and white before its compression, else None.

    Small values of classes, such as 0, 1 and 2, look black too. They leave blocks of several
    values without an edge, or no white at all.
    """
    low, high = pixels.min(axis=2), pixels.max(axis=2)
    if int((high - low).max()) > _MOST_COLOUR:
        return None
    is_white = pixels.mean(axis=2) >= 128
    grey = np.where(is_white, high, low)
    if not is_white.any():
        return np.zeros(grey.shape, np.int32) if not high.any() else None
    between = (grey >= _MIDDLE[0]) & (grey < _MIDDLE[1])
    if between.mean() > _MOST_OF_EDGES or int(grey.max()) < 255 - _NEAR:
        return None
    flat = _values_of_flat_blocks(grey)
    for distances in (flat[flat < 128], 255 - flat[flat >= 128]):
        if distances.size and not _is_of_one(distances):
            return None
    return np.where(is_white, 255, 0).astype(np.int32)


def _values_of_flat_blocks(grey: NDArray[np.uint8]) -> NDArray[np.int64]:
    height, width = (size // _BLOCK for size in grey.shape)
    whole = grey[: height * _BLOCK, : width * _BLOCK].astype(np.int64)
    blocks = whole.reshape(height, _BLOCK, width, _BLOCK)
    lowest, highest = blocks.min(axis=(1, 3)), blocks.max(axis=(1, 3))
    flat: NDArray[np.int64] = lowest[lowest == highest]
    return flat


def _is_of_one(distances: NDArray[np.int64]) -> bool:
    others = 1 - np.bincount(distances).max() / distances.size
    return bool(distances.max() <= _NEAR and others <= _MOST_OF_OTHERS)
