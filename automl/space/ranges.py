"""Derives the finite range to search, and its scale, from a field's bounds and default.

An unbounded or log-scaled range is cut to a window around its default, inside the bounds: floats
from a tenth to a hundred times the default, whole numbers from a quarter to four times. Learning
rates and weight decays are log-scaled by their names, and so are ranges that span a factor of 1e4.
"""

import math
import re
from dataclasses import replace
from typing import Any

from automl.errors import UsageError
from automl.schema.conditions import DIVIDED
from automl.schema.field import Field
from automl.schema.values import number_of
from automl.space.domain import GAP, Choices, Domain, Range
from automl.space.narrowing import compared

WINDOWS = {"float": (10.0, 100.0), "int": (4.0, 4.0)}
"""Factors down and up from the default."""
WIDE = 1e4
"""A range that reaches this multiple of its default, or of its low end, has a log scale."""

MOST, MOST_FLOAT = 2.0**53, 1e150
"""Limits above which whole numbers are inexact as floats, and float arithmetic overflows."""

MOST_POWERS = 1000

_LOG_NAMES = re.compile(r"(^|_)(lr|learning_rate|weight_decay|wd)(_|$)")


def numeric_domain(field: Field, *, given: frozenset[str] = frozenset()) -> Domain:
    """Return the numbers of a float or int field that are searched.

    `given` holds ``low`` and ``high`` if a user chose them: no window cuts those ends. Raises
    `UsageError` if no number is left, or there is no default to build a window around.
    """
    default = _default(field)
    if default is not None and not given:
        _check_default(field, default)
    ends = _Ends(field)
    is_log = _is_log(field, ends, default, given)
    if field.condition.power_of is not None:
        return _powers(field, _windowed(field, ends, default, given, is_log=False))
    if field.condition.relation and field.condition.relation.operator == DIVIDED:
        # The parent alone determines the value, so no window is needed.
        ends.low, ends.high = max(ends.low, -MOST), min(ends.high, MOST)
        return _ranged(field, ends, is_log=False)
    return _ranged(field, _windowed(field, ends, default, given, is_log=is_log), is_log=is_log)


class NoFiniteRangeError(UsageError):
    """A parameter whose bounds and default give no finite range to search."""


class _Ends:
    """Both ends of a field, after its comparisons with numbers; infinite if it has none."""

    def __init__(self, field: Field) -> None:
        self.low, self.low_is_open = field.low, field.low_is_open
        self.high, self.high_is_open = field.high, field.high_is_open
        for sign, number in field.condition.comparisons:
            if sign in (">", ">=", "==") and (number, sign == ">") > (self.low, self.low_is_open):
                self.low, self.low_is_open = number, sign == ">"
            if sign in ("<", "<=", "==") and (-number, sign == "<") > (
                -self.high,
                self.high_is_open,
            ):
                self.high, self.high_is_open = number, sign == "<"

    def contain(self, value: float) -> bool:
        """Whether a number lies between the ends."""
        above = value > self.low if self.low_is_open else value >= self.low
        return above and (value < self.high if self.high_is_open else value <= self.high)


def _default(field: Field) -> float | None:
    if field.default is None:
        return None
    number = number_of(field.default)
    if number is None or math.isinf(number):
        raise UsageError(
            f"{field.key}: default {field.default!r} is not a number, so no range can be built"
        )
    return number


def _check_default(field: Field, default: float) -> None:
    """Raise `UsageError` for a default that the schema's own bounds exclude."""
    above = default > field.low if field.low_is_open else default >= field.low
    below = default < field.high if field.high_is_open else default <= field.high
    if not (above and below) and field.low <= field.high:
        raise UsageError(
            f"{field.key}: default {field.default!r} is outside "
            f"{'(' if field.low_is_open else '['}{field.low:g}, {field.high:g}"
            f"{')' if field.high_is_open else ']'}, its own bounds"
        )


def _is_log(field: Field, ends: _Ends, default: float | None, given: frozenset[str]) -> bool:
    if field.scale:
        return field.scale == "log"
    if default is None or default <= 0 or not ends.contain(default):
        low, high = ends.low, ends.high
        return 0 < low < high < math.inf and high / low >= WIDE
    if ends.low < 0 and math.isfinite(ends.low):
        return False
    if {"low", "high"} <= given:
        return _is_log_name(field) and ends.low > 0
    is_unbounded = math.isinf(ends.low) or math.isinf(ends.high)
    is_wide = ends.high / default >= WIDE or (ends.low > 0 and ends.high / ends.low >= WIDE)
    return is_unbounded or is_wide or _is_log_name(field)


def _is_log_name(field: Field) -> bool:
    return _LOG_NAMES.search(field.key.rpartition(".")[2]) is not None


def _windowed(
    field: Field, ends: _Ends, default: float | None, given: frozenset[str], *, is_log: bool
) -> _Ends:
    """Cut the ends to the window around the default if the range needs one."""
    is_unbounded = math.isinf(ends.low) or math.isinf(ends.high)
    if not (is_log or is_unbounded):
        return ends
    down, up = WINDOWS["int" if field.type == "int" else "float"]
    if default is not None and default > 0:
        low, high = default / down, default * up
        if ends.low < low and "low" not in given:
            ends.low, ends.low_is_open = low, False
        if ends.high > high and "high" not in given:
            ends.high, ends.high_is_open = high, False
    elif math.isinf(ends.low) or math.isinf(ends.high):
        raise NoFiniteRangeError(
            f"{field.key}: a range without finite bounds needs a default above 0, not "
            f"{field.default!r}; give it low and high"
        )
    if is_log and ends.low <= 0 and not (field.type == "int" and ends.low == 0):
        raise UsageError(
            f"{field.key}: a log scale needs a default above 0, not {field.default!r}, or a low "
            "end above 0; give it low and high, or a linear scale"
        )
    return ends


def _ranged(field: Field, ends: _Ends, *, is_log: bool) -> Domain:
    """Return the range between finite ends, on the grid and without the holes of the field."""
    is_int = field.type == "int"
    low, high = _closed(ends, is_int=is_int, default=number_of(field.default))
    if is_log and is_int:
        low = max(low, 1)
    step = field.step or field.condition.multiple_of or (1 if is_int else None)
    if step and is_int and not float(step).is_integer():
        raise UsageError(
            f"{field.key}: a step of {step:g} leaves no whole numbers; it must be whole"
        )
    _check_count(field, low, high, step)
    if field.condition.multiple_of:
        multiple = field.condition.multiple_of
        if field.step and not (field.step / multiple).is_integer():
            raise UsageError(f"{field.key}: step {field.step:g} is not a multiple of {multiple:g}")
        low, high = math.ceil(low / multiple) * multiple, math.floor(high / multiple) * multiple
    elif step and not is_int and low <= high:
        high = low + math.floor((high - low) / step + 1e-9) * step
    if low > high or not (ends.contain(low) and ends.contain(high)):
        raise _impossible(field)
    if is_int:
        low, high = int(low), int(high)
    domain: Domain | None = Range(low, high, is_log and low < high, step, is_int)
    if step and isinstance(domain, Range):
        domain = domain.narrowed(low, high)
    for sign, number in field.condition.comparisons:
        if sign == "!=" and domain is not None:
            domain = compared(domain, sign, number)
    if domain is None:
        raise _impossible(field)
    return domain


def _check_count(field: Field, low: float, high: float, step: float | None) -> None:
    """Raise `UsageError` if the numbers or their count are too large to be exact."""
    largest = max(abs(low), abs(high))
    if largest > MOST_FLOAT or (step and max(largest, largest / step) > 2 * MOST):
        raise UsageError(
            f"{field.key}: the range from {low:g} to {high:g} has too many numbers; narrow it"
        )


def _closed(ends: _Ends, *, is_int: bool, default: float | None) -> tuple[float, float]:
    """Return inclusive ends: an open end moves inside, but not past the default."""
    low, high = ends.low, ends.high
    if is_int:
        low = math.floor(low) + 1 if ends.low_is_open else math.ceil(low)
        return low, math.ceil(high) - 1 if ends.high_is_open else math.floor(high)
    gap = GAP * max(high - low, abs(low), abs(high))
    if ends.low_is_open:
        low = ends.low + gap
        if default is not None and ends.low < default < low:
            low = default
    if ends.high_is_open:
        high = ends.high - gap
        if default is not None and high < default < ends.high:
            high = default
    return low, high


def _powers(field: Field, ends: _Ends) -> Domain:
    base = field.condition.power_of or 0.0
    if field.type == "int" and not base.is_integer():
        raise UsageError(f"{field.key}: powers of {base:g} are not whole numbers")
    if not (ends.high < math.inf and (base > 1 or ends.low > 0)):
        raise UsageError(f"{field.key}: powers of {base:g} need finite bounds")
    powers = [p for p in powers_of(field.key, base, ends.low, ends.high) if ends.contain(p)]
    if field.type == "int":
        powers = [int(power) for power in powers]
    left: Domain | None = Choices(tuple(sorted(powers))) if powers else None
    if left is None:
        raise _impossible(field)
    return left


def powers_of(key: str, base: float, low: float, high: float) -> list[float]:
    """Return base, base^2, ... up to `high`, or down to `low` for a base below 1."""
    powers: list[float] = []
    power = base
    while (power <= high) if base > 1 else (power >= low):
        powers.append(power)
        if len(powers) > MOST_POWERS:
            raise UsageError(f"{key}: powers of {base:g} are too many; narrow the bounds")
        power *= base
    return powers


def _impossible(field: Field) -> UsageError:
    texts = "".join(f", {text}" for text in field.condition.texts())
    return UsageError(
        f"{field.key}: no value is left between {field.low:g} and {field.high:g}{texts}: impossible"
    )


def element(field: Field, place: int, default: Any) -> Field:
    """Return the field for one place of a list of numbers."""
    return replace(
        field,
        key=f"{field.key}.{place}",
        type=_kind_of(field),
        default=default,
        low=field.lows[place] if field.lows else field.low,
        high=field.highs[place] if field.highs else field.high,
        lows=(),
        highs=(),
    )


def _kind_of(field: Field) -> str:
    values = field.default if isinstance(field.default, list) else []
    bounds = (*field.lows, *field.highs)
    is_whole = all(isinstance(v, int) for v in values) and all(b.is_integer() for b in bounds)
    return "int" if is_whole else "float"
