"""Draws masks of class ids from polygons and run lengths."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from segformer.data.images import check_pixels

Ids = NDArray[np.uint8]
Points = Sequence[tuple[float, float]]

_LARGEST = 1e15
"""Differences of coordinates up to this are exact to a pixel, and their products finite."""


@dataclass(frozen=True)
class Region:
    """What one annotation covers: polygons, of which one inside another is more of it, or a mask.

    `mask` is Boolean, its upper left pixel at `left`, `top` of the image.
    """

    label_id: int
    polygons: Sequence[Points] = field(default_factory=tuple)
    mask: NDArray[np.bool_] | None = None
    left: int = 0
    top: int = 0


def drawn(size: tuple[int, int], regions: Iterable[Region]) -> Ids:
    """Draw regions over class 0, the later over the earlier; size is (width, height)."""
    width, height = size
    check_pixels(width * height, "an annotated image")
    ids = np.zeros((height, width), np.uint8)
    for region in regions:
        for points in region.polygons:
            ids[filled(points, size)] = region.label_id
        if region.mask is not None:
            if min(region.left, region.top) < 0:
                raise ValueError(f"a mask begins at {region.left}, {region.top}, outside the image")
            part = region.mask[: max(0, height - region.top), : max(0, width - region.left)]
            rows, columns = np.nonzero(part)
            ids[rows + region.top, columns + region.left] = region.label_id
    return ids


def filled(points: Points, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return HxW of the pixels whose centres lie within a polygon, by the even-odd rule.

    Pillow's own polygons also cover the pixels that their border touches, which makes neighbours
    overlap and small things larger. Raises `ValueError` for coordinates that are not finite.
    """
    width, height = size
    toggles = np.zeros((height, width + 1), np.int32)
    x, y = _finite(np.array(points, dtype=np.float64)).reshape(-1, 2).T
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    centres = np.arange(height)[:, None] + 0.5
    rows, edges = np.nonzero((y <= centres) != (next_y <= centres))
    share = (centres[rows, 0] - y[edges]) / (next_y - y)[edges]
    crossings = x[edges] + share * (next_x - x)[edges]
    # Right of an edge that its row crosses, inside becomes outside, and outside inside.
    columns = np.clip(np.ceil(crossings - 0.5), 0, width).astype(np.int64)
    np.add.at(toggles, (rows, columns), 1)
    inside: NDArray[np.bool_] = toggles[:, :-1].cumsum(axis=1) % 2 == 1
    return inside


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    wrong = values[~(np.abs(values) <= _LARGEST)]
    if len(wrong):
        raise ValueError(f"a polygon has the coordinate {wrong[0]}, which is no place in an image")
    return values


def rectangle(left: float, top: float, right: float, bottom: float) -> Points:
    """Return a rectangle as a polygon."""
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def shares_line(numbers: Iterable[object]) -> str:
    """Return the line on coordinates that are shares of an image's size and not pixels, if so.

    Drawn as pixels, they would cover one pixel at most.
    """
    every = [number for number in numbers if isinstance(number, int | float)]
    if not every or not all(0 <= number <= 1 for number in every):
        return ""
    return (
        "all coordinates lie between 0 and 1, as shares of the image's width and height; this "
        "format has pixels: multiply them"
    )


def ellipse(x: float, y: float, radius_x: float, radius_y: float) -> Points:
    """Return an ellipse as a polygon of 64 points."""
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    return [(x + radius_x * np.cos(t), y + radius_y * np.sin(t)) for t in turn]


def turned(points: Points, degrees: float, around: tuple[float, float]) -> Points:
    """Return points turned about a centre, clockwise as one sees them, since y points down."""
    cosine, sine = float(np.cos(np.radians(degrees))), float(np.sin(np.radians(degrees)))
    centre_x, centre_y = around
    moved = [(x - centre_x, y - centre_y) for x, y in points]
    return [(centre_x + x * cosine - y * sine, centre_y + x * sine + y * cosine) for x, y in moved]


def mask_from_runs(
    runs: Sequence[int], height: int, width: int, *, by_column: bool
) -> NDArray[np.bool_]:
    """Return the mask of run lengths that alternate between 0 and 1, beginning with 0.

    COCO counts down the columns, CVAT along the rows. Raises `ValueError` if they do not add up to
    the mask's pixels.
    """
    if any(run < 0 for run in runs) or sum(runs) != height * width:
        raise ValueError(f"runs of {sum(runs)} pixels for a mask of {width}x{height}")
    values = np.arange(len(runs)) % 2 == 1
    flat = np.repeat(values, runs)
    return flat.reshape(width, height).T if by_column else flat.reshape(height, width)


def coco_runs(text: str) -> list[int]:
    """Return the run lengths of COCO's compressed RLE.

    A number is written 5 bits a character, the lowest first, less 48 as in ASCII; bit 32 says that
    more follow, and bit 16 of the last is the sign. From the fourth on, a number is the difference
    from the run two before, since runs of one kind have similar lengths (pycocotools, maskApi.c).
    """
    runs: list[int] = []
    place = 0
    while place < len(text):
        number, shift, has_more = 0, 0, True
        while has_more:
            if place >= len(text):
                raise ValueError("the runs end within a number")
            code = ord(text[place]) - 48
            number |= (code & 31) << shift
            has_more = bool(code & 32)
            place, shift = place + 1, shift + 5
            if not has_more and code & 16:
                number -= 1 << shift
        runs.append(number + (runs[-2] if len(runs) > 2 else 0))
    return runs


def label_studio_values(data: Sequence[int], count: int) -> NDArray[np.uint8]:
    """Return the `count` bytes that Label Studio's brush RLE holds: RGBA of every pixel.

    A stream of bits: count (32), word size less 1 (5), four sizes of run lengths less 1 (4 each);
    then runs: 1 bit for "the same value", 2 bits which size, the length less 1, and the word once
    or as often (label-studio-converter, brush.py).
    """
    bits = np.unpackbits(np.array(data, dtype=np.uint8))
    place = 0

    def take(size: int) -> int:
        nonlocal place
        if place + size > len(bits):
            raise ValueError("the runs end too early")
        place += size
        return int("".join(map(str, bits[place - size : place])), 2) if size else 0

    stated, word = take(32), take(5) + 1
    sizes = [take(4) + 1 for _ in range(4)]
    if stated != count:
        raise ValueError(f"runs of {stated} values for {count}")
    out = np.zeros(count, np.uint8)
    done = 0
    while done < count:
        is_run = take(1)
        length = take(sizes[take(2)]) + 1
        if is_run:
            out[done : done + length] = take(word)
        else:
            out[done : done + length] = [take(word) for _ in range(min(length, count - done))]
        done += length
    return out
