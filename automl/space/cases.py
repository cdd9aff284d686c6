"""Parameters whose range depends on a named choice: one range per name, and what holds them all."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from automl.errors import UsageError
from automl.schema.values import identity
from automl.space.domain import Choices, Domain, Range
from automl.space.parameter import CASE_FIELDS, Parameter


def with_cases(
    general: Parameter | None, choice: Parameter, ranges: Mapping[str, Parameter]
) -> Parameter:
    """Return a parameter that has one range for each value of `choice`.

    `general` is its range for the names that `ranges` lacks; without one it is inactive for them.
    Raises `UsageError` for ranges that one parameter cannot have.
    """
    key = next(iter(ranges.values())).key
    names = [name for name in choice.choices if name in ranges or general is not None]
    cases = {name: ranges.get(name, general) for name in names}
    parts = [part for part in cases.values() if part is not None]
    if any(part.relation is not None for part in parts):
        raise UsageError(f"{key}: depends on another key, so {choice.key} cannot set its range")
    outer = _outer(key, [part.domain for part in parts])
    first = cases.get(choice.default) or parts[0]
    active_when = first.active_when if general is None else general.active_when
    if general is None and len(names) < len(choice.choices):
        own = active_when or ({},)
        active_when = tuple({**one, choice.key: name} for name in names for one in own)
    return replace(
        _with_outer(first, outer),
        prior=None,
        active_when=active_when,
        case_key=choice.key,
        cases={name: _fields(part) for name, part in cases.items() if part is not None},
        why=first.why if general is None else general.why,
    )


def _fields(part: Parameter) -> dict[str, Any]:
    """Return the fields of a range, as space.yaml holds them."""
    default = part.default if part.prior is None else part.prior
    plain = {**{name: getattr(part, name) for name in CASE_FIELDS}, "default": default}
    return {name: list(v) if isinstance(v, tuple) else v for name, v in plain.items()}


def _outer(key: str, domains: list[Domain]) -> Domain:
    """Return the smallest domain that holds all of some."""
    ranges = [domain for domain in domains if isinstance(domain, Range)]
    if not ranges:
        values = {
            identity(value): value
            for domain in domains
            if isinstance(domain, Choices)
            for value in domain.values
        }
        return Choices(tuple(values.values()))
    steps = {(one.step, one.is_int) for one in ranges}
    low, high = min(one.low for one in ranges), max(one.high for one in ranges)
    step, is_int = next(iter(steps))
    is_on_grid = step is None or all(((one.low - low) / step).is_integer() for one in ranges)
    if len(ranges) < len(domains) or len(steps) > 1 or not is_on_grid:
        raise UsageError(f"{key}: its ranges must be all choices, or all numbers of one step")
    is_log = low > 0 and all(one.is_log for one in ranges if one.low < one.high)
    return Range(low, high, is_log and low < high, step, is_int)


def _with_outer(parameter: Parameter, domain: Domain) -> Parameter:
    if isinstance(domain, Choices):
        return replace(parameter, choices=domain.values, weights=())
    return replace(parameter, low=domain.low, high=domain.high, is_log=domain.is_log, holes=())
