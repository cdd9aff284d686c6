"""Narrows a domain by conditions: a child's by its parent's value, a parent's by its child."""

from dataclasses import replace

from automl.errors import UsageError
from automl.schema.conditions import COMPARE, DIVIDED, Relation
from automl.space.domain import Choices, Domain, Range

MOST_VALUES = 100_000
"""Most values that are tried one by one."""

_MIRRORED = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "=="}
_ROUNDING = 1e-9


def compared(domain: Domain, sign: str, number: float) -> Domain | None:
    """Return the values of a numeric domain that pass a comparison; None if none do."""
    if isinstance(domain, Choices):
        return domain.where(lambda value: bool(COMPARE[sign](value, number)))
    match sign:
        case ">":
            return domain.above(number)
        case "<":
            return domain.below(number)
        case ">=":
            return domain.narrowed(number, domain.high)
        case "<=":
            return domain.narrowed(domain.low, number)
        case "!=":
            return domain.without(number)
    return domain.narrowed(number, number) if domain.contains(number) else None


def given_parent(domain: Domain, relation: Relation, parent: float) -> Domain | None:
    """Return the part of a domain that a relation allows for its parent's value."""
    if relation.operator != DIVIDED:
        return compared(domain, relation.operator, parent)
    value = _divided(domain, parent, relation.factor)
    if isinstance(domain, Range):
        # Rounding may put a quotient just outside a bound.
        nearest = min(max(value, domain.low), domain.high)
        if abs(nearest - value) <= _ROUNDING * max(1.0, abs(value)):
            value = nearest
    return compared(domain, "==", value)


def for_child(parent: Domain, relation: Relation, child: Domain) -> Domain | None:
    """Return the values of a parent that leave its child at least one."""
    sign = relation.operator
    if sign == DIVIDED:
        return _dividends(parent, relation, child)
    if sign == "==":
        return _common(parent, child)
    return compared(parent, _MIRRORED[sign], child.largest if ">" in sign else child.smallest)


def beside_fixed(parent: Domain, relation: Relation, child: float) -> Domain | None:
    """Return the values of a parent that a child's fixed value allows."""
    return compared(parent, _MIRRORED[relation.operator], child)


def _divided(domain: Domain, parent: float, factor: float) -> float:
    """Return the quotient, rounded down if the domain holds whole numbers."""
    is_whole = domain.is_int if isinstance(domain, Range) else all(
        isinstance(value, int) for value in domain.values
    )  # fmt: skip
    return int(parent // factor) if is_whole else parent / factor


def _dividends(parent: Domain, relation: Relation, child: Domain) -> Domain | None:
    factor = relation.factor
    if isinstance(child, Range) and not child.holes:
        if child.is_int and child.step == 1:
            above = compared(parent, ">=", child.low * factor)
            return above and compared(above, "<", (child.high + 1) * factor)
        if child.step is None:
            above = compared(parent, ">=", child.low * factor)
            return above and compared(above, "<=", child.high * factor)
    return _tried(parent, relation).where(
        lambda value: given_parent(child, relation, value) is not None
    )


def _common(parent: Domain, child: Domain) -> Domain | None:
    if isinstance(parent, Choices):
        return parent.where(child.contains)
    if isinstance(child, Choices):
        common = child.where(parent.contains)
        return common and replace(common, weights=())
    if child.step is None:
        left: Domain | None = parent.narrowed(child.low, child.high)
        for hole in child.holes:
            left = left and compared(left, "!=", hole)
        return left
    if parent.step is None:
        left = child.narrowed(parent.low, parent.high)
        return left and replace(left, is_log=parent.is_log)
    if parent.step == child.step and (parent.low - child.low) % parent.step == 0:
        left = parent.narrowed(child.low, child.high)
        for hole in child.holes:
            left = left and compared(left, "!=", hole)
        return left
    return _tried(parent, Relation("==", "its parent")).where(child.contains)


def _tried(parent: Domain, relation: Relation) -> Choices:
    """Return a parent's values as choices; raises `UsageError` if there are too many."""
    if isinstance(parent, Choices):
        return parent
    if parent.step is None or parent.size > MOST_VALUES:
        raise UsageError(
            f"{relation.parent}: has too many values to find those that fit '{relation}'; "
            "give it choices or a step"
        )
    return Choices(tuple(parent.numbers()))
