"""Small drawings and amounts in text: bars, curves, durations, sizes."""

import math
from collections.abc import Sequence
from typing import Any

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
    """Draw values as one line of at most `width` characters, the last value always seen.

    More values than characters are thinned evenly. One that is no number is a space. `low` and
    `high` are the ends of the scale, those of the values where nothing is said.
    """
    shown = list(values)
    if len(shown) > width > 0:
        step = len(shown) / width
        shown = [shown[math.ceil((place + 1) * step) - 1] for place in range(width)]
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return " " * len(shown)
    low = min(finite) if low is None else low
    high = max(finite) if high is None else high
    blocks = _BLOCKS[is_unicode]
    return "".join(_block(value, low, high, blocks) for value in shown)


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


def clock(seconds: float) -> str:
    """Return `0:07`, `12:05` or `1:02:05`."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def about(seconds: float) -> str:
    """Return a duration as it is estimated: `40 s`, `3 min`, `1 h 20 min`, `2 d 3 h`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h" + (f" {minutes} min" if minutes else "")
    days, hours = divmod(hours, 24)
    return f"{days} d" + (f" {hours} h" if hours else "")


def size(amount: float) -> str:
    """Return bytes as people say them: `870 B`, `1.2 GB`; 1 GB is 1e9 bytes."""
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def shown(value: Any) -> str:
    """Return a value as people read it: four significant digits, a dash for nothing."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"
    return str(value)


def duration(seconds: float) -> str:
    """Return seconds as `42 s`, `3 min 5 s` or `2 h 7 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
