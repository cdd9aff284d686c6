"""The search parameters of one field of a schema, as an entry of an overlay changes it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from operator import lt
from typing import Any

from automl.errors import UsageError
from automl.schema.conditions import Relation
from automl.schema.field import LISTS, Field
from automl.schema.values import number_of
from automl.space.domain import Choices, Domain
from automl.space.options import choices_of, with_lists_as_choices
from automl.space.overlay.entry import Entry
from automl.space.parameter import Parameter
from automl.space.ranges import element, numeric_domain
from automl.space.space import nearest_in

_MILESTONES = re.compile(r"(^|_)(milestones?|steps?)(_|$)")


def parameters_of(field: Field, default: Any, entry: Entry | None) -> Iterator[Parameter]:
    """Yield the parameters of a field: one, or one for each place of a list of numbers."""
    given = frozenset() if entry is None else entry.given
    if field.type == "bool" and not field.choices:
        field = replace(field, choices=(False, True))
    if field.type in ("subset_list", "optional_list") and not (entry and entry.choices):
        field = with_lists_as_choices(field, default)
    elif field.type in ("float", "int") and not field.choices:
        domain = numeric_domain(replace(field, default=default), given=given)
        yield _parameter(field, field.type, domain, default, entry)
        return
    elif LISTS.fullmatch(field.type) and not field.choices:
        yield from _places(field, default, entry)
        return
    elif LISTS.fullmatch(field.type) and not (entry and entry.choices):
        raise UsageError(
            f"{field.key}: lists of options (type {field.type}) are searched only with choices of "
            "whole lists from an overlay"
        )
    if not field.choices:
        raise UsageError(
            f"{field.key}: parameters of type {field.type} cannot be searched as they are; "
            "give choices in an overlay or with --search"
        )
    yield _parameter(field, _kind(field), choices_of(field, given), default, entry)


def _kind(field: Field) -> str:
    if field.type == "bool":
        return "bool"
    is_number = all(number_of(choice) is not None for choice in field.choices)
    return "ordered" if field.type != "categorical" and is_number or field.type == "ordered" else (
        "categorical"
    )  # fmt: skip


def _parameter(
    field: Field, kind: str, domain: Domain, default: Any, entry: Entry | None
) -> Parameter:
    prior = None if entry is None else entry.prior
    is_first = entry is not None and entry.starts_at_prior
    if prior is not None and not domain.contains(prior):
        raise UsageError(f"{field.key}: prior {prior!r} is outside the values searched")
    is_chosen = field.type == "bool" or bool(field.choices)
    if is_chosen and default is not None and not domain.contains(default) and not entry:
        raise UsageError(
            f"{field.key}: default {default!r} is not one of the values searched: "
            f"{', '.join(map(str, field.choices))}"
        )
    is_kept = prior is None or (domain.contains(default) and not is_first)
    start = default if is_kept else prior
    return with_domain(
        Parameter(
            key=field.key,
            kind="ordered" if isinstance(domain, Choices) and kind in ("int", "float") else kind,
            default=_number(nearest_in(domain, start), kind),
            active_when=field.active_when,
            relation=field.condition.relation,
            prior=prior,
            type=field.type,
            conditions=tuple(field.condition.texts()),
        ),
        domain,
    )


def _number(value: Any, kind: str) -> Any:
    return int(value) if kind == "int" and isinstance(value, float) else value


def with_domain(parameter: Parameter, domain: Domain) -> Parameter:
    """Return a parameter that takes the values of a domain."""
    if isinstance(domain, Choices):
        weights = domain.weights
        return replace(parameter, choices=domain.values, weights=weights)
    is_plain = parameter.kind == "int" and domain.step == 1
    return replace(
        parameter,
        low=domain.low,
        high=domain.high,
        is_log=domain.is_log,
        step=None if is_plain else domain.step,
        holes=domain.holes,
    )


def _places(field: Field, default: Any, entry: Entry | None) -> Iterator[Parameter]:
    """Yield one parameter for each place of a list of numbers."""
    count = field.type.removeprefix("list").strip("_").split("_")[0]
    values = default if isinstance(default, list) else [None] * int(count or 0)
    numbers = [number_of(value) for value in values]
    if not values or (isinstance(default, list) and None in numbers):
        raise UsageError(
            f"{field.key}: type {field.type} is searched only as a list of numbers; "
            f"its default is {default!r}"
        )
    for bounds in (field.lows, field.highs):
        if bounds and len(bounds) != len(values):
            raise UsageError(f"{field.key}: {len(bounds)} bounds for {len(values)} places")
    if field.condition.relation:
        raise UsageError(f"{field.key}: a list cannot depend on {field.condition.parent}")
    given = frozenset() if entry is None else entry.given
    priors = [None] * len(values) if entry is None or entry.prior is None else entry.prior
    if not isinstance(priors, list) or len(priors) != len(values):
        raise UsageError(f"{field.key}: prior {priors!r} must be a list of {len(values)}")
    is_ascending = _is_ascending(field.key, values)
    for place, value in enumerate(values):
        part = element(replace(field, default=default), place, value)
        one = None if entry is None else replace(entry, prior=priors[place], choices=None)
        parameter = _parameter(part, part.type, numeric_domain(part, given=given), value, one)
        if is_ascending and place:
            parameter = replace(parameter, relation=Relation(">", f"{field.key}.{place - 1}"))
        yield replace(parameter, type=field.type)


def _is_ascending(key: str, values: list[Any]) -> bool:
    """Whether the places of a list are milestones, each of which must be above the one before.

    PyTorch's MultiStepLR refuses any other order. Such a list is known by its name and default.
    """
    is_named = _MILESTONES.search(key.rpartition(".")[2]) is not None
    has_order = all(type(v) is int for v in values) and all(map(lt, values, values[1:]))
    return is_named and has_order
