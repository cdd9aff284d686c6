"""The second look at two thumbnails: laid over each other, do their details correlate?"""

from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from segformer.data.leaks.thumbnail import SIDE, Floats, Grey

_SCALES = (0.95, 0.9, 0.86)
_SURE = 0.8
"""Correlation of the wholes from which no smaller window is tried."""
_COARSE = 0.3
"""Correlation without a fit below which a fit finds nothing."""
_MOST_STEPS = 8
_LEAST_GAIN = 0.002
"""The fit ends with a step that gains less."""
_LARGEST_STEP = np.array([0.05, 0.05, 2.0, 2.0])
_BLUR = 3.0
_BLOCKS = 4
_MARGIN = 2
_LEAST_PIXELS = 16
_LEAST_CONTRAST = 0.3


def details(thumbnail: Grey) -> Floats:
    """Return a thumbnail less its blurred self: light and vignettes go, texture stays."""
    pixels = thumbnail.astype(np.float32)
    blur = _blur()
    return (pixels - blur @ pixels @ blur.T).astype(np.float32, copy=False)


def likeness(whole: Floats, part: Floats) -> float:
    """Return the correlation of `part` with the window of `whole` that it fits best, -1 to 1.

    Both are `details`; the window has 86 to 100 % of each side. The result is the smaller of the
    correlation of all pixels and of the median of sixteen blocks, since a common frame or caption
    makes no copy.
    """
    correlation, window = _best_window(whole, part, 1.0)
    if correlation < _SURE:
        windows = [(correlation, window), *(_best_window(whole, part, s) for s in _SCALES)]
        correlation, window = max(windows, key=lambda each: each[0])
    return correlation if correlation < _COARSE else _fitted(whole, part, window)


def _best_window(whole: Floats, part: Floats, scale: float) -> tuple[float, NDArray[np.float64]]:
    """Return the best correlation at whole pixels, and its window: scales y, x and offsets y, x.

    Every other pixel is compared, which finds the window as well.
    """
    side = round(SIDE * scale)
    centres = (np.arange(0, side, 2) + 0.5) * SIDE / side - 0.5
    resize = _linear(centres)
    template = resize @ part @ resize.T
    template = (template - template.mean()).ravel()
    windows = sliding_window_view(whole, (side, side))[:, :, ::2, ::2]
    places = windows.shape[:2]
    flat = windows.reshape(places[0] * places[1], -1)
    spread = flat.std(axis=1) * np.sqrt(flat.shape[1]) * np.linalg.norm(template)
    correlations = flat @ template / np.maximum(spread, 1e-6)
    best = int(correlations.argmax())
    y, x = divmod(best, places[1])
    exact = side / SIDE
    shift = (exact - 1) / 2
    return float(correlations[best]), np.array([exact, exact, y + shift, x + shift])


def _fitted(whole: Floats, part: Floats, window: NDArray[np.float64]) -> float:
    """Return the likeness after Gauss-Newton steps on the window, contrast and light."""
    ramp = np.arange(SIDE, dtype=np.float32)
    slope_y, slope_x = np.gradient(whole)
    best = -1.0
    for _ in range(_MOST_STEPS):
        ys, xs = window[0] * ramp + window[2], window[1] * ramp + window[3]
        rows, columns = _linear(ys), _linear(xs).T
        inside = np.outer(_inside(ys), _inside(xs))
        seen, dy, dx = (rows @ image @ columns for image in (whole, slope_y, slope_x))
        value = _likeness(seen, part, inside)
        if value < best + _LEAST_GAIN:
            return max(best, value)
        best = value
        columns_of = (dy * ramp[:, None], dx * ramp, dy, dx, seen, np.ones_like(seen))
        jacobian = np.stack([each[inside] for each in columns_of], axis=1)
        normal = jacobian.T @ jacobian + 1e-3 * np.eye(len(columns_of), dtype=np.float32)
        step = np.linalg.solve(normal, jacobian.T @ (part - seen)[inside])[:4]
        window = window + step.clip(-_LARGEST_STEP, _LARGEST_STEP)
    return best


def _likeness(seen: Floats, part: Floats, inside: NDArray[np.bool_]) -> float:
    """Return the smaller of the correlation inside and the median of that of its blocks.

    Blocks count that have enough pixels, and texture in one of the images.
    """
    weights = inside.astype(np.float32)
    products = np.stack([np.ones_like(seen), seen, part, seen**2, part**2, seen * part])
    side = SIDE // _BLOCKS
    shape = len(products), _BLOCKS, side, _BLOCKS, side
    sums = (products * weights).reshape(shape).sum(axis=(2, 4)).reshape(len(products), -1)
    whole, blocks = _correlations(sums.sum(axis=1, keepdims=True)), _correlations(sums)
    return float(min(whole[0], np.median(blocks))) if len(whole) and len(blocks) else -1.0


def _correlations(sums: Floats) -> Floats:
    """Return correlations from sums (pixels, a, b, aa, bb, ab) x M, without those of no texture."""
    counts, a, b, aa, bb, ab = sums[:, sums[0] >= _LEAST_PIXELS]
    variances = np.maximum(aa / counts - (a / counts) ** 2, bb / counts - (b / counts) ** 2)
    covariance = ab / counts - a * b / counts**2
    spread = np.sqrt(
        np.maximum((aa / counts - (a / counts) ** 2) * (bb / counts - (b / counts) ** 2), 1e-9)
    )
    result: Floats = (covariance / spread)[variances >= _LEAST_CONTRAST**2]
    return result


def _inside(places: NDArray[np.float64]) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (places >= 0) & (places <= SIDE - 1)
    inside[:_MARGIN], inside[-_MARGIN:] = False, False
    return inside


def _linear(places: NDArray[np.float64]) -> Floats:
    """Return the matrix len(places) x `SIDE` that interpolates between pixels."""
    near = places.clip(0, SIDE - 1)
    below = np.minimum(near.astype(int), SIDE - 2)
    share = near - below
    matrix = np.zeros((len(places), SIDE), np.float32)
    rows = np.arange(len(places))
    matrix[rows, below], matrix[rows, below + 1] = 1 - share, share
    return matrix


@cache
def _blur() -> Floats:
    places = np.arange(SIDE)
    matrix = np.exp(-((places[:, None] - places) ** 2) / (2 * _BLUR**2))
    result: Floats = (matrix / matrix.sum(axis=1, keepdims=True)).astype(np.float32)
    return result
