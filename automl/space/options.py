"""Turns the options of a field into choices: their weights, conditions and lists of options."""

from dataclasses import replace
from itertools import combinations
from typing import Any

from automl.errors import UsageError
from automl.schema.field import Field
from automl.schema.values import identity, number_of
from automl.space.domain import Choices, Domain
from automl.space.narrowing import compared
from automl.space.ranges import powers_of

MOST_OPTIONS = 10
"""Most options of a list that may hold any of them: n options make 2^n lists."""


def choices_of(field: Field, given: frozenset[str]) -> Choices:
    """Return the choices that a field's weights, conditions and given ends leave."""
    values, weights = field.choices, _weights(field)
    if len(set(map(identity, values))) < len(values):
        raise UsageError(f"{field.key}: its choices {list(values)!r} name one twice")
    pairs = [(v, w) for v, w in zip(values, weights or (1.0,) * len(values), strict=True) if w > 0]
    domain: Domain | None = Choices(
        tuple(v for v, _ in pairs), tuple(w for _, w in pairs) if weights else ()
    )
    tests: list[tuple[str, float]] = list(field.condition.comparisons)
    tests += [(">=", field.low)] if "low" in given else []
    tests += [("<=", field.high)] if "high" in given else []
    _check_numbers(field, has_tests=bool(tests))
    for sign, number in tests:
        domain = domain and compared(domain, sign, number)
    multiple, power = field.condition.multiple_of, field.condition.power_of
    if isinstance(domain, Choices) and multiple:
        domain = domain.where(lambda v: (v / multiple).is_integer())
    if isinstance(domain, Choices) and power:
        allowed = powers_of(field.key, power, min(field.choices), max(field.choices))
        domain = domain.where(lambda v: v in allowed)
    if not isinstance(domain, Choices):
        raise UsageError(f"{field.key}: its conditions leave none of its choices: impossible")
    return domain


def _check_numbers(field: Field, *, has_tests: bool) -> None:
    condition = field.condition
    has_tests = has_tests or any((condition.multiple_of, condition.power_of, condition.relation))
    numbers = [number_of(choice) for choice in field.choices]
    if has_tests and any(n is None or not abs(n) < float("inf") for n in numbers):
        raise UsageError(f"{field.key}: conditions and bounds need choices that are numbers")


def _weights(field: Field) -> tuple[float, ...]:
    """Return the weights of a field's choices; raises `UsageError` if they are not valid."""
    count, weights = len(field.choices), field.weights
    if not weights:
        return ()
    if field.type in ("subset_list", "optional_list") and len(weights) != count:
        raise UsageError(f"{field.key}: option_weights have no meaning for type {field.type}")
    if len(weights) != count:
        raise UsageError(f"{field.key}: {len(weights)} option_weights for {count} options")
    numbers = [number_of(weight) for weight in weights]
    if any(n is None or not 0 <= n < float("inf") for n in numbers) or not any(numbers):
        raise UsageError(
            f"{field.key}: option_weights {list(weights)} must be numbers of 0 or more, not all 0"
        )
    return tuple(n for n in numbers if n is not None)


def with_lists_as_choices(field: Field, default: Any) -> Field:
    """Return a field whose choices are the lists that its options can form."""
    options = field.choices
    if not options:
        raise UsageError(f"{field.key}: type {field.type} needs an enum of options")
    if field.type == "optional_list":
        empty = default if default in ([], None) else None
        return replace(field, choices=(empty, list(options)))
    if len(options) > MOST_OPTIONS:
        raise UsageError(
            f"{field.key}: lists of some of {len(options)} options are too many to search (at most "
            f"{MOST_OPTIONS} options); give choices in an overlay"
        )
    subsets = [list(c) for n in range(len(options) + 1) for c in combinations(options, n)]
    return replace(field, choices=tuple(subsets))
