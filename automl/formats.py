"""Amounts as text for people: durations, sizes, numbers, tables. The one home of their forms."""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

_NONE = "-"


def clock(seconds: float) -> str:
    """Return a running time as a clock shows it: `0:07`, `12:05` or `1:02:05`."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def duration(seconds: float) -> str:
    """Return a duration to about two digits: `4.2 s`, `40 s`, `3 min 5 s`, `1 h 20 min`, `2 d`."""
    if seconds < 10:
        return f"{seconds:.0f} s" if seconds == int(seconds) else f"{seconds:.1f} s"
    if seconds < 90:
        return f"{round(seconds)} s"
    if seconds < 600:
        return _joined(round(seconds), 60, "min", "s")
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return _joined(minutes, 60, "h", "min")
    return _joined(round(minutes / 60), 24, "d", "h")


def _joined(amount: int, per: int, large: str, small: str) -> str:
    whole, rest = divmod(amount, per)
    return f"{whole} {large}" + (f" {rest} {small}" if rest else "")


def size(amount: float) -> str:
    """Return bytes with a decimal unit: `870 B`, `1.2 GB`; 1 GB is 1e9 bytes."""
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 trial`, `3 trials`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def compact(value: Any) -> str:
    """Return any value as text: a float to four significant digits, a dash for no number."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return _NONE
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"
    return str(value)


def score(value: float | None, *, is_signed: bool = False) -> str:
    """Return a metric to four decimals, a dash for no number; differences are signed."""
    if value is None or not math.isfinite(value):
        return _NONE
    return f"{value:+.4f}" if is_signed else f"{value:.4f}"


def table(rows: Sequence[Sequence[str]], *, indent: str = "") -> list[str]:
    """Return the lines of a table whose columns are aligned at the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [indent + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


_SWITCHES = ("enable", "enabled")


def short_names(keys: Iterable[str]) -> dict[str, str]:
    """Return the shortest ends of dotted keys that tell them apart: `lr` for `train.optim.lr`."""
    return dict(_short_names(tuple(keys)))


@lru_cache(maxsize=64)  # Thousands of trials have the same keys.
def _short_names(keys: tuple[str, ...]) -> Mapping[str, str]:
    names = {}
    for key in keys:
        parts = key.split(".")
        for length in range(1, len(parts) + 1):
            end = ".".join(parts[-length:])
            alike = [other for other in keys if other == end or other.endswith("." + end)]
            # A number alone is an index, and a switch alone does not say of what.
            if alike == [key] and not (end.isdigit() or end in _SWITCHES):
                break
        names[key] = end
    return names
