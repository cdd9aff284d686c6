"""JSON values: numbers as TAO writes them, and identity."""

import math
from typing import Any


def number_of(value: Any) -> float | None:
    """Return a JSON number as a float; None for anything else, such as NaN and bools."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return None if math.isnan(value) else float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


_PLAIN = frozenset({str, int, float, type(None)})


def identity(value: Any) -> Any:
    """Return a hashable identity of a JSON value: 1 equals 1.0, but not True."""
    if type(value) in _PLAIN:  # The fast path: a search calls this 100,000 times.
        return value
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, list | tuple):
        return tuple(identity(item) for item in value)
    if isinstance(value, dict):
        return tuple(sorted((key, identity(item)) for key, item in value.items()))
    return value
