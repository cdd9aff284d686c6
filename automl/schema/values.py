"""Values of JSON: numbers as TAO writes them, and identity."""

import math
from typing import Any


def number_of(value: Any) -> float | None:
    """Return a JSON number as a float; None for anything else, NaN and bools included."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return None if math.isnan(value) else float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


_PLAIN = frozenset({str, int, float, type(None)})


def identity(value: Any) -> Any:
    """Return what tells a JSON value from others: 1 and 1.0 are one, True and 1 are not."""
    if type(value) in _PLAIN:  # A search asks this a hundred thousand times.
        return value
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, list | tuple):
        return tuple(identity(item) for item in value)
    if isinstance(value, dict):
        return tuple(sorted((key, identity(item)) for key, item in value.items()))
    return value
