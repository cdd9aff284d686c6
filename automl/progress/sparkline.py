"""Curves and bars drawn with characters."""

import math
from collections.abc import Sequence

_BLOCKS = {True: "▁▂▃▄▅▆▇█", False: "_.-=oO0@"}

_BAR = {True: ("━", "─"), False: ("#", "-")}


def sparkline(
    values: Sequence[float],
    width: int,
    *,
    low: float | None = None,
    high: float | None = None,
    is_unicode: bool = True,
) -> str:
    """Draw values as one line of at most `width` characters, always with the last value.

    More values than characters are thinned evenly. A value that is not finite is a space. `low`
    and `high` are the ends of the scale, by default those of the values.
    """
    drawn = list(values)
    if len(drawn) > width > 0:
        step = len(drawn) / width
        drawn = [drawn[math.ceil((place + 1) * step) - 1] for place in range(width)]
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return " " * len(drawn)
    low = min(finite) if low is None else low
    high = max(finite) if high is None else high
    blocks = _BLOCKS[is_unicode]
    return "".join(_block(value, low, high, blocks) for value in drawn)


def _block(value: float, low: float, high: float, blocks: str) -> str:
    if not math.isfinite(value):
        return " "
    share = 0.5 if high <= low else min(1.0, max(0.0, (value - low) / (high - low)))
    return blocks[round(share * (len(blocks) - 1))]


def bar(share: float, width: int, *, is_unicode: bool = True) -> tuple[str, str]:
    """Return the full and the empty part of a bar."""
    full, empty = _BAR[is_unicode]
    done = round(share * width)
    return full * done, empty * (width - done)
