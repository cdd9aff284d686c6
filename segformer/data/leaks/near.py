"""Pairs of images that are nearly the same: candidates by hash, then a second look."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from segformer.data.leaks.alignment import details, likeness
from segformer.data.leaks.thumbnail import (
    Floats,
    Grey,
    oriented,
    oriented_hashes,
    window_hashes,
)

LEAST_LIKENESS = 0.85
"""Correlation of details from which two images count as nearly the same."""

_LEAST_HASH = 0.7
_MOST_CANDIDATES = 32
"""Candidates of an image: the next frames of a film stand before its planted copy."""
_ROWS = 256
_UNTURNED = (0, 1, 2, 3, 4, 6, 5, 7)
"""The orientation that undoes each one."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Match:
    """Two images by number: the second is the first in an orientation, perhaps cropped."""

    first: int
    second: int
    orientation: int
    likeness: float


def matches(thumbnails: Sequence[Grey], *, progress: Progress | None = None) -> list[Match]:
    """Return the pairs of thumbnails that are nearly the same, in order of number.

    The time grows with the square of the count, slowly: a minute for 10,000. `progress` is called
    with (images done, images in all), if there are many.
    """
    if len(thumbnails) < 2:
        return []
    found: dict[tuple[int, int], Match] = {}
    for row, candidates in enumerate(_candidates(thumbnails)):
        for column, orientation in candidates:
            pair = min(row, column), max(row, column)
            if pair in found and found[pair].likeness >= LEAST_LIKENESS:
                continue
            match = _second_look(thumbnails, row, column, orientation)
            if pair not in found or match.likeness > found[pair].likeness:
                found[pair] = match
        if progress and (row + 1) % _ROWS == 0:
            progress(row + 1, len(thumbnails))
    return [found[p] for p in sorted(found) if found[p].likeness >= LEAST_LIKENESS]


def _second_look(thumbnails: Sequence[Grey], whole: int, part: int, orientation: int) -> Match:
    """Compare `part`, turned by an orientation, with windows of `whole`."""
    turned = np.ascontiguousarray(oriented(details(thumbnails[part]), orientation))
    value = likeness(details(thumbnails[whole]), turned)
    if whole < part:  # Turned, the second looks as the first: undone, the first as the second.
        return Match(whole, part, _UNTURNED[orientation], value)
    return Match(part, whole, orientation, value)


def _candidates(thumbnails: Sequence[Grey]) -> Iterator[list[tuple[int, int]]]:
    """Yield for each image those whose hash in some orientation is like one of its windows."""
    windows = window_hashes(thumbnails)
    turned = [np.ascontiguousarray(each.T) for each in oriented_hashes(windows[0])]
    for start in range(0, len(thumbnails), _ROWS):
        rows = windows[:, start : start + _ROWS]
        best, orientation = _best_orientation(rows, turned)
        best[np.arange(len(best)), np.arange(start, start + len(best))] = -1.0
        for similarities, of in zip(best, orientation, strict=True):
            above = np.flatnonzero(similarities >= _LEAST_HASH)
            chosen = above[np.argsort(-similarities[above], kind="stable")][:_MOST_CANDIDATES]
            yield [(int(column), int(of[column])) for column in chosen]


def _best_orientation(
    rows: Floats, turned: Sequence[Floats]
) -> tuple[Floats, np.ndarray[tuple[int, int], np.dtype[np.uint8]]]:
    """Return, rows x images, the largest dot product, and in which orientation it is."""
    shape = rows.shape[1], turned[0].shape[1]
    best = np.full(shape, -1.0, np.float32)
    which = np.zeros(shape, np.uint8)
    product, largest = np.empty(shape, np.float32), np.empty(shape, np.float32)
    for orientation, hashes in enumerate(turned):
        np.matmul(rows[0], hashes, out=largest)
        for window in rows[1:]:
            np.matmul(window, hashes, out=product)
            np.maximum(largest, product, out=largest)
        is_better = largest > best
        np.copyto(best, largest, where=is_better)
        which[is_better] = orientation
    return best, which
