"""The conditions of a schema, `math_cond` with `depends_on`: a small language and its meaning.

    condition  = comparison {comparison} | "/" number | "^" number
    comparison = (">" | ">=" | "<" | "<=" | "==") (number | "depends_on") | "!=" number

All comparisons must hold, at most one of them with the parent. ``/ 8`` means multiples of 8; with
a parent, its value divided by 8. ``^ 2`` means 2, 4, 8, ...: powers from the first up. The parent
is the parameter that depends_on names; the older form ``depends_on: "< other"`` compares with it
directly. A depends_on may name several parameters, with commas, but then none can be compared with.
"""

import math
import operator
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from automl.errors import UsageError

COMPARE = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
DIVIDED = "/"
"""The relation of a value that is its parent divided by a number."""

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_TERM = re.compile(rf"\s*(>=|<=|==|!=|>|<|/|\^)\s*({_NUMBER}|depends_on\b)\s*")
_NAME = re.compile(r"[A-Za-z_][\w.\-]*")
_OLD_FORM = re.compile(r"\s*(>=|<=|==|>|<)\s*([A-Za-z_][\w.\-]*)\s*")
_GRAMMAR = (
    "allowed are comparisons such as '> 0.0', '> 0.0 <= 1.0' or '> depends_on', multiples '/ 8' "
    "and powers '^ 2'"
)


@dataclass(frozen=True)
class Relation:
    """A value compared with its parent's, or equal to the parent's divided by `factor`."""

    operator: str
    parent: str
    factor: float = 1.0

    def __str__(self) -> str:
        if self.operator == DIVIDED:
            return f"{self.parent} / {self.factor:g}"
        return f"{self.operator} {self.parent}"


@dataclass(frozen=True)
class Condition:
    """Restrictions of a value besides its bounds."""

    comparisons: tuple[tuple[str, float], ...] = ()
    multiple_of: float | None = None
    power_of: float | None = None
    relation: Relation | None = None
    parent: str = ""
    """The one parameter that depends_on names, compared with or not; empty if there are several."""

    def texts(self) -> Iterator[str]:
        """Yield each part in the notation of the schema, the parent by its name."""
        yield from (f"{sign} {number:g}" for sign, number in self.comparisons)
        if self.multiple_of is not None:
            yield f"/ {self.multiple_of:g}"
        if self.power_of is not None:
            yield f"^ {self.power_of:g}"
        if self.relation is not None:
            yield str(self.relation)

    def holds(self, value: float) -> bool:
        """Whether a number fulfils the comparisons with numbers."""
        return all(COMPARE[sign](value, number) for sign, number in self.comparisons)


def parse_condition(key: str, math_cond: Any, depends_on: Any) -> Condition:
    """Read both annotations of a key; raises `UsageError` naming it for anything else."""
    sign, parents = _parents(key, depends_on)
    parent = parents[0] if len(parents) == 1 else ""
    relation = Relation(sign, parent) if sign else None
    if math_cond in (None, ""):
        return Condition(relation=relation, parent=parent)
    terms = list(_terms(key, math_cond))
    signs = [sign for sign, _ in terms]
    if len(parents) > 1 and (DIVIDED in signs or any(number is None for _, number in terms)):
        raise _fault(key, math_cond, f"needs one parent, and depends_on names {len(parents)}")
    if signs == ["^"]:
        return Condition(power_of=_base(key, math_cond, terms[0][1]), relation=relation,
                         parent=parent)  # fmt: skip
    if signs == [DIVIDED]:
        divisor = _divisor(key, math_cond, terms[0][1])
        if not parent:
            return Condition(multiple_of=divisor)
        if relation:
            raise _fault(key, math_cond, f"cannot be combined with depends_on {depends_on!r}")
        return Condition(relation=Relation(DIVIDED, parent, divisor), parent=parent)
    if "^" in signs or DIVIDED in signs:
        raise _fault(key, math_cond, "'/' and '^' stand alone")
    return _comparisons(key, math_cond, terms, relation, parent)


def _comparisons(
    key: str,
    math_cond: str,
    terms: list[tuple[str, float | None]],
    relation: Relation | None,
    parent: str,
) -> Condition:
    numbers = []
    for sign, number in terms:
        if number is not None:
            numbers.append((sign, number))
        elif not parent:
            raise _fault(key, math_cond, "uses depends_on, which the parameter does not have")
        elif sign == "!=":
            raise _fault(key, math_cond, "'!=' takes a number")
        elif relation:
            raise _fault(key, math_cond, "compares with the parent more than once")
        else:
            relation = Relation(sign, parent)
    return Condition(tuple(numbers), relation=relation, parent=parent)


def _parents(key: str, depends_on: Any) -> tuple[str, tuple[str, ...]]:
    """Return the sign of the older form, or an empty text, and the parents' names."""
    if depends_on in (None, ""):
        return "", ()
    if isinstance(depends_on, str):
        names = tuple(name.strip() for name in depends_on.split(","))
        if all(map(_NAME.fullmatch, names)):
            return "", names
        if old := _OLD_FORM.fullmatch(depends_on):
            return old[1], (old[2],)
    raise UsageError(
        f"{key}: depends_on {depends_on!r} is not understood: allowed are the names of other "
        "parameters, or a comparison with one such as '< max_iters'"
    )


def _terms(key: str, math_cond: Any) -> Iterator[tuple[str, float | None]]:
    """Yield sign and number, None for depends_on."""
    if not isinstance(math_cond, str):
        raise _fault(key, math_cond, _GRAMMAR)
    place = 0
    while place < len(math_cond):
        term = _TERM.match(math_cond, place)
        if term is None:
            raise _fault(key, math_cond, _GRAMMAR)
        number = None if term[2] == "depends_on" else float(term[2])
        if number is not None and not math.isfinite(number):
            raise _fault(key, math_cond, f"{term[2]} is too large")
        yield term[1], number
        place = term.end()
    if not math_cond.strip():
        raise _fault(key, math_cond, _GRAMMAR)


def _divisor(key: str, math_cond: str, number: float | None) -> float:
    if number is None or number <= 0:
        raise _fault(key, math_cond, "'/' takes a number above 0")
    return number


def _base(key: str, math_cond: str, number: float | None) -> float:
    if number is None or number <= 0 or number == 1:
        raise _fault(key, math_cond, "'^' takes a number above 0 other than 1")
    return number


def _fault(key: str, math_cond: Any, reason: str) -> UsageError:
    return UsageError(f"{key}: math_cond {math_cond!r} is not understood: {reason}")
