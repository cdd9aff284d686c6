"""Windows over a picture: where they lie, and how much each of their pixels counts.

A model has one size of input. A window is a part of a picture that is resized to it, as a training
image is: of a picture that is segmented whole there is one, and it covers the picture.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segformer.data.bands import MOST_PIXELS
from segformer.data.grid import starts, weights
from segformer.errors import DataError
from segformer.spec.sections.dataset import DatasetSegment
from segformer.spec.sections.prediction import AS_TRAINED, OVERLAP

Pixels = NDArray[np.uint8]
Size = tuple[int, int]

MUCH_LARGER = 2
"""With mode=auto a picture with a side above this many windows is segmented by windows.

At half the scale of the training objects are smaller than any that the model has seen.
"""


@dataclass(frozen=True)
class Windows:
    """Windows of one size, in pixels of the picture, by rows from the top."""

    picture: Size
    """Height and width."""
    size: Size
    """Height and width; larger than the picture where it is padded."""
    tops: tuple[int, ...]
    lefts: tuple[int, ...]
    is_tapered: bool = True

    @classmethod
    def over(
        cls,
        picture: Size,
        size: Size,
        shape: Size,
        *,
        overlap: float = OVERLAP,
        is_tapered: bool = True,
    ) -> "Windows":
        """Return windows that are scaled to `shape`, the model's input; see `starts`."""
        places = [
            tuple(starts(length, window, overlap, side))
            for length, window, side in zip(picture, size, shape, strict=True)
        ]
        return cls(picture, size, places[0], places[1], is_tapered)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield the top and the left of each."""
        yield from ((top, left) for top in self.tops for left in self.lefts)

    def __len__(self) -> int:
        return len(self.tops) * len(self.lefts)

    def weights(self) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
        """Return the weights of each row of windows by height, of each column by width.

        A pixel's weight is the product of the two. Those of all windows over a pixel add up to 1,
        and the weight under a single window is exactly 1.
        """
        rows, columns = (
            weights(length, window, list(places), is_tapered=self.is_tapered)
            for length, window, places in zip(
                self.picture, self.size, (self.tops, self.lefts), strict=True
            )
        )
        return rows, columns


def windows_of(picture: Size, segment: DatasetSegment) -> Windows:
    """Return the windows in which a picture of a height and width is segmented."""
    overlap, tapered = segment.prediction.overlap, segment.prediction.blending != "flat"
    size = window_size(segment) if is_slid(picture, segment) else picture
    if segment.resize == "squash":
        size = min(size[0], picture[0]), min(size[1], picture[1])
    elif segment.resize == "pad":
        fits = size[0] >= picture[0] and size[1] >= picture[1]
        size = padded_size(picture if fits else size, segment.size)
    share = OVERLAP if overlap is None else overlap
    return Windows.over(picture, size, segment.size, overlap=share, is_tapered=tapered)


def check_windows(windows: Windows) -> None:
    """Raise `DataError` if a window has too many pixels to be read at once."""
    height, width = windows.size
    if height * width > MOST_PIXELS:
        raise DataError(
            f"{height * width / 1e6:.0f} megapixels are more than the {MOST_PIXELS / 1e6:.0f} that "
            "are scaled at once; dataset.segment.prediction.mode=slide takes windows instead"
        )


def is_slid(picture: Size, segment: DatasetSegment) -> bool:
    """Whether a picture is segmented by windows of `window_size`, not whole."""
    if segment.resize == "crop":
        return True
    mode = segment.prediction.mode
    if mode in (AS_TRAINED, "auto"):
        sides = zip(picture, window_size(segment), strict=True)
        return any(side > MUCH_LARGER * window for side, window in sides)
    return mode == "slide"


def is_plain(picture: Size, segment: DatasetSegment) -> bool:
    """Whether a picture is segmented whole, once: as an item of the training's size."""
    prediction = segment.prediction
    is_once = prediction.flip in (AS_TRAINED, "none") and prediction.scales in ([], [1.0])
    return is_once and not is_slid(picture, segment)


def window_size(segment: DatasetSegment) -> Size:
    """Return height and width of a window in pixels of the picture."""
    prediction, (height, width) = segment.prediction, segment.size
    return prediction.window_height or height, prediction.window_width or width


def padded_size(picture: Size, shape: Size) -> Size:
    """Return the smallest size around a picture that has the aspect of `shape`."""
    scale = max(picture[0] / shape[0], picture[1] / shape[1])
    return max(picture[0], round(shape[0] * scale)), max(picture[1], round(shape[1] * scale))


def cut(picture: Pixels, place: tuple[int, int], size: Size, *, fill: int = 0) -> Pixels:
    """Return the part of a picture at a top and left; `fill` where it is outside the picture."""
    (top, left), (height, width) = place, size
    part = picture[max(top, 0) : top + height, max(left, 0) : left + width]
    if part.shape[:2] == size:
        return part
    whole = np.full((height, width, *part.shape[2:]), fill, dtype=np.uint8)
    above, before = max(-top, 0), max(-left, 0)
    whole[above : above + part.shape[0], before : before + part.shape[1]] = part
    return whole
