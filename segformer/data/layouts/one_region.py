"""Tells masks of a field of view from annotations: every one of them shows the same region."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segformer.data.images import read_mask
from segformer.data.pairs import image_files
from segformer.errors import DataError

_LOOKED_AT = 5
_ALIKE = 0.95
"""The least overlap (IoU) of two masks that show the same."""


def is_of_one_region(folder: Path) -> bool:
    """Whether the first masks of a folder show one region, and it is neither all nor nothing."""
    try:
        regions = [_region(path) for path in image_files(folder)[:_LOOKED_AT]]
    except DataError:
        return False
    if len(regions) < 2 or len({region.shape for region in regions}) > 1:
        return False
    union = np.logical_or.reduce(regions).sum()
    return bool(0 < _ALIKE * union <= np.logical_and.reduce(regions).sum() < regions[0].size)


def _region(path: Path) -> NDArray[np.bool_]:
    """Return what has another value than the corner of the mask."""
    values = read_mask(path).values
    differs: NDArray[np.bool_] = values != values[0, 0]
    return differs if differs.ndim == 2 else np.any(differs, axis=2)
