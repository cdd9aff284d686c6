"""Windows along one side of a picture: where they begin, and how much each of their pixels counts.

In numpy alone, for `infer.py`, which has a copy.
"""

import math

import numpy as np
from numpy.typing import NDArray

_STRIDE = 32
"""Pixels of the input to one of an encoder's coarsest map."""


def starts(length: int, window: int, overlap: float, side: int) -> list[int]:
    """Return the first pixels of windows over a length, which overlap by at least a share.

    A window is scaled to `side` pixels of the model's input. Steps are multiples of the encoder's
    stride, if the share leaves room for one: all windows then sample the picture on one grid, and
    what two of them say of a pixel differs by the context alone. The last one ends with the length.
    """
    if window >= length:
        return [0]
    strides = math.floor((1 - overlap) * side / _STRIDE + 1e-9)
    step = window * _STRIDE * strides / side if strides else (1 - overlap) * window
    step = max(1.0, step)
    last = length - window
    count = math.ceil(last / step - 1e-9)  # 1e-9: rounding adds no window.
    return sorted({min(round(index * step), last) for index in range(count + 1)})


def weights(
    length: int, window: int, starts: list[int], *, is_tapered: bool
) -> list[NDArray[np.float32]]:
    """Return the weights of windows along a side; those of one pixel add up to 1."""
    inside = np.arange(window, dtype=np.float64)
    ramp = np.minimum(inside + 1, window - inside) if is_tapered else np.ones(window)
    parts = [ramp[: length - start] for start in starts]
    total = np.zeros(length)
    for start, part in zip(starts, parts, strict=True):
        total[start : start + len(part)] += part
    return [
        (part / total[start : start + len(part)]).astype(np.float32)
        for start, part in zip(starts, parts, strict=True)
    ]
