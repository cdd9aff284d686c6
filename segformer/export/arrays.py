"""The arithmetic of windows and logits in numpy, for `infer.py`, which has a copy."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]


def cut(pixels: NDArray[np.uint8], place: tuple[int, int], size: Size) -> NDArray[np.uint8]:
    """The part of a picture at a top and left; black where it is outside the picture."""
    (top, left), (height, width) = place, size
    part = pixels[max(top, 0) : top + height, max(left, 0) : left + width]
    if part.shape[:2] == size:
        return part
    whole = np.zeros((height, width, *part.shape[2:]), dtype=np.uint8)
    above, before = max(-top, 0), max(-left, 0)
    whole[above : above + part.shape[0], before : before + part.shape[1]] = part
    return whole


def blended(
    windows: Iterator[NDArray[np.float32]],
    tops: list[int],
    lefts: list[int],
    rows: list[NDArray[np.float32]],
    columns: list[NDArray[np.float32]],
) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
    """Yield weighted sums of windows in rectangles that no later window covers.

    Only what the next windows overlap is kept, so that memory grows with the width alone.
    """
    height, width = tops[-1] + len(rows[-1]), lefts[-1] + len(columns[-1])
    below = None
    for (top, next_top), down in zip(pairwise([*tops, height]), rows, strict=True):
        above, below, beside = below, None, None
        for (left, next_left), along in zip(pairwise([*lefts, width]), columns, strict=True):
            part = next(windows)[:, : len(down), : len(along)] * down[:, None] * along
            if beside is not None:
                part[:, :, : beside.shape[2]] += beside
            done, beside = part[:, :, : next_left - left], part[:, :, next_left - left :]
            if above is not None:
                done[:, : above.shape[1]] += above[:, :, left:next_left]
            unfinished = done[:, next_top - top :]
            if unfinished.shape[1]:
                if below is None:
                    below = np.empty((len(done), unfinished.shape[1], width), dtype=np.float32)
                below[:, :, left:next_left] = unfinished
            yield top, left, done[:, : next_top - top]


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores Cx... -> probabilities, which add up to 1 over C."""
    powers = np.exp(logits - logits.max(0))
    shares: NDArray[np.float32] = powers / powers.sum(0)
    return shares


def log_mean(probabilities: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the logarithms of mean probabilities, never minus infinity."""
    mean = np.mean(probabilities, axis=0, dtype=np.float32)
    logarithm: NDArray[np.float32] = np.log(np.maximum(mean, np.finfo(np.float32).tiny))
    return logarithm


def class_ids(
    logits: NDArray[np.float32], size: tuple[int, ...], *, align_corners: bool
) -> NDArray[np.uint8]:
    """Logits Cxhxw -> the most likely class of each pixel of a size HxW, class by class."""
    rows, columns = (
        places(small, large, align_corners=align_corners)
        for small, large in zip(logits.shape[1:], size, strict=True)
    )
    ids = np.zeros(size, dtype=np.uint8)
    best: NDArray[np.float32] | None = None
    for index, single in enumerate(logits):
        score = enlarged(single, rows, columns)
        if best is None:
            best = score
            continue
        ids[score > best] = index
        best = np.maximum(best, score)
    return ids


def places(small: int, large: int, *, align_corners: bool) -> tuple[Any, Any, Any]:
    """For each of `large` places, its two neighbours among `small` and the share of the second."""
    target = np.arange(large, dtype=np.float32)
    if align_corners:
        source = target * np.float32((small - 1) / max(large - 1, 1))
    else:
        source = np.maximum((target + 0.5) * np.float32(small / large) - 0.5, 0)
    first = source.astype(np.int64)
    second = np.minimum(first + 1, small - 1)
    return first, second, source.astype(np.float32) - first.astype(np.float32)


def enlarged(values: NDArray[np.float32], rows: Any, columns: Any) -> NDArray[np.float32]:
    """Return values hxw enlarged by bilinear interpolation; rows and columns as from `places`."""
    top, bottom, down = rows
    left, right, along = columns
    down = down[:, None]
    upper = values[top][:, left] * (1 - along) + values[top][:, right] * along
    lower = values[bottom][:, left] * (1 - along) + values[bottom][:, right] * along
    enlarged: NDArray[np.float32] = upper * (1 - down) + lower * down
    return enlarged
