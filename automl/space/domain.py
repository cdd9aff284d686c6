"""The values that a parameter may take, and their places in the unit interval.

Every domain maps its values onto [0, 1] and back. Each value of a finite domain owns a cell, as
wide as its weight. So uniform places sample by weight and scale, and every place is a valid value.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import Any

from automl.schema.values import identity

GAP = 1e-6
"""Margin kept from an open bound, relative to the range.

It is large enough to survive rounding to float32.
"""
_ON_GRID = 1e-6
"""Tolerance of a number on a grid, relative to its step, for rounding errors."""


@dataclass(frozen=True)
class Choices:
    """Finitely many values of any type; their order may be meaningful."""

    values: tuple[Any, ...]
    weights: tuple[float, ...] = ()
    """One positive weight per value; empty if all are equally likely."""

    @property
    def size(self) -> float:
        """The number of values."""
        return len(self.values)

    def contains(self, value: Any) -> bool:
        """Whether the value is one of the choices; a bool is not a number."""
        return identity(value) in self._index

    def position_of(self, value: Any) -> float:
        """Return the middle of a choice's cell; raises `KeyError` for another value."""
        index = self._index[identity(value)]
        return (self._edges[index] + self._edges[index + 1]) / 2

    def value_at(self, position: float) -> Any:
        """Return the choice in whose cell a place lies."""
        return self.values[self.index_at(position)]

    def index_at(self, position: float) -> int:
        """Return the index of the cell in which a place lies."""
        return bisect_right(self._edges, position, 1, len(self.values)) - 1

    def index_of(self, value: Any) -> int:
        """Return a choice's index; raises `KeyError` for another value."""
        return self._index[identity(value)]

    def where(self, holds: Callable[[Any], bool]) -> "Choices | None":
        """Return the choices for which `holds` is true; None if there are none."""
        kept = [index for index, value in enumerate(self.values) if holds(value)]
        if len(kept) == len(self.values):
            return self
        if not kept:
            return None
        weights = tuple(self.weights[i] for i in kept) if self.weights else ()
        return Choices(tuple(self.values[i] for i in kept), weights)

    def others(self, value: Any) -> "Choices":
        """Return the choices without this one; all if it is not among them or the only one."""
        kind = identity(value)
        if kind not in self._others:
            self._others[kind] = self.where(lambda v: bool(identity(v) != kind)) or self
        return self._others[kind]

    def neighbour(self, value: Any, *, up: bool) -> Any:
        """Return the next choice in order; the choice itself at an end."""
        index = self.index_of(value) + (1 if up else -1)
        return self.values[index] if 0 <= index < len(self.values) else value

    @property
    def smallest(self) -> float:
        """The least of numeric choices."""
        return float(min(self.values))

    @property
    def largest(self) -> float:
        """The greatest of numeric choices."""
        return float(max(self.values))

    @cached_property
    def _index(self) -> dict[Any, int]:
        return {identity(value): index for index, value in enumerate(self.values)}

    @cached_property
    def _others(self) -> dict[Any, "Choices"]:
        return {}

    @cached_property
    def _edges(self) -> list[float]:
        weights = self.weights or (1.0,) * len(self.values)
        total = math.fsum(weights)
        return [0.0, *(edge / total for edge in accumulate(weights))]


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high` inclusive: all of them, or those on a grid of `step`."""

    low: float
    high: float
    is_log: bool = False
    step: float | None = None
    is_int: bool = False
    holes: tuple[float, ...] = ()
    """Numbers inside that are excluded; their places belong to the next number above."""

    @property
    def size(self) -> float:
        """The number of values, without holes; infinite without a step."""
        if self.low == self.high:
            return 1
        return math.inf if self.step is None else self._last + 1 - len(self.holes)

    @property
    def smallest(self) -> float:
        """The least number."""
        return self.low

    @property
    def largest(self) -> float:
        """The greatest number."""
        return self.high

    def contains(self, value: Any) -> bool:
        """Whether a value is a number of this range."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if not self.low <= value <= self.high or value in self.holes:
            return False
        if self.step is None or self.low == self.high:
            return True
        steps = (value - self.low) / self.step
        if self.is_int:
            return steps.is_integer()
        return abs(steps - round(steps)) < _ON_GRID

    def position_of(self, value: float) -> float:
        """Return the place of a number; one outside gets the nearest end."""
        first, last = self._ends
        if last <= first:
            return 0.5
        if self.is_log:
            value = math.log(max(value, self.low))
        return min(max((value - first) / (last - first), 0.0), 1.0)

    def value_at(self, position: float) -> float:
        """Return the number at a place in [0, 1]."""
        if position <= 0 or self.low == self.high:
            return self._number(self.low)
        if position >= 1:
            return self._number(self.high)
        first, last = self._ends
        value = first + position * (last - first)
        if self.is_log:
            value = math.exp(value)
        value = self._number(min(max(value, self.low), self.high))
        while value in self.holes:
            value = self._number(value + (self.step or GAP * (self.high - self.low)))
        return value

    def neighbour(self, value: float, *, up: bool) -> float:
        """Return the next number above or below; the number itself at an end or without a step."""
        if self.step is None:
            return value
        moved = value + (self.step if up else -self.step)
        while moved in self.holes:
            moved += self.step if up else -self.step
        return self._number(moved) if self.low <= moved <= self.high else value

    def narrowed(self, low: float, high: float) -> "Range | None":
        """Return the part of this range from `low` to `high`; None if it is empty."""
        low, high = max(low, self.low), min(high, self.high)
        if self.step is not None:
            low, high = self._grid(self._steps_up(low)), self._grid(self._steps_down(high))
        while low in self.holes and low <= high:
            low += self.step or self.gap
        while high in self.holes and low <= high:
            high -= self.step or self.gap
        if low > high:
            return None
        holes = tuple(hole for hole in self.holes if low < hole < high)
        return replace(self, low=low, high=high, holes=holes)

    def above(self, number: float) -> "Range | None":
        """Return the part greater than a number."""
        if number >= self.high:
            return None
        if self.is_int:
            return self.narrowed(math.floor(number) + 1, self.high)
        return self.narrowed(min(number + self.gap, self.high), self.high)

    def below(self, number: float) -> "Range | None":
        """Return the part less than a number."""
        if number <= self.low:
            return None
        if self.is_int:
            return self.narrowed(self.low, math.ceil(number) - 1)
        return self.narrowed(self.low, max(number - self.gap, self.low))

    def without(self, number: float) -> "Range | None":
        """Return the range without one of its numbers."""
        if not self.contains(number):
            return self
        holed = replace(self, holes=(*self.holes, number))
        return holed.narrowed(self.low, self.high)

    def numbers(self) -> Iterator[float]:
        """Yield the numbers of a range that has a step."""
        for index in range(self._last + 1):
            number = self._grid(index)
            if number not in self.holes:
                yield number

    @cached_property
    def gap(self) -> float:
        """The margin kept from an open bound."""
        if self.step is not None:
            return self.step * 2 * _ON_GRID
        return GAP * max(self.high - self.low, abs(self.low), abs(self.high))

    @cached_property
    def _last(self) -> int:
        return round((self.high - self.low) / (self.step or 1))

    @cached_property
    def _ends(self) -> tuple[float, float]:
        """The outer edges on the scale: each number's cell reaches half a step to both sides."""
        half = 0.0 if self.step is None else self.step / 2
        if not self.is_log:
            return self.low - half, self.high + half
        return math.log(self.low - min(half, self.low / 2)), math.log(self.high + half)

    def _steps_up(self, value: float) -> int:
        if self.is_int:
            return int(-((self.low - math.ceil(value)) // (self.step or 1)))
        return math.ceil((value - self.low) / (self.step or 1) - _ON_GRID)

    def _steps_down(self, value: float) -> int:
        if self.is_int:
            return int((math.floor(value) - self.low) // (self.step or 1))
        return math.floor((value - self.low) / (self.step or 1) + _ON_GRID)

    def _number(self, value: float) -> float:
        if self.step is not None:
            value = self._grid(min(max(round((value - self.low) / self.step), 0), self._last))
        return int(value) if self.is_int else value

    def _grid(self, index: int) -> float:
        step = self.step or 1
        if self.is_int:
            return int(self.low) + index * int(step)
        return float(f"{self.low + index * step:.12g}")


Domain = Choices | Range
