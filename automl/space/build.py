"""Builds the search space of a train schema around a base spec, as an overlay changes it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from operator import lt
from typing import Any

from automl.errors import UsageError, nearest
from automl.schema.conditions import DIVIDED, Relation
from automl.schema.field import LISTS, Field
from automl.schema.schema import Schema
from automl.schema.spec import flatten
from automl.schema.values import identity, number_of
from automl.space.domain import Choices, Domain
from automl.space.narrowing import beside_fixed, compared
from automl.space.overlay.entry import Entry, apply_entry
from automl.space.parameter import Parameter
from automl.space.ranges import NoFiniteRangeError, element, numeric_domain, powers_of
from automl.space.space import SearchSpace, nearest_in

_MILESTONES = re.compile(r"(^|_)(milestones?|steps?)(_|$)")

MOST_OPTIONS = 10
"""Most options of a list that may hold any of them: n options make 2^n lists."""

_NO_OVERLAY: Mapping[str, Entry] = {}


def space_from_schema(
    schema: Schema,
    spec: Mapping[str, Any],
    *,
    fixed: frozenset[str] = frozenset(),
    entries: Mapping[str, Entry] = _NO_OVERLAY,
    dropped: frozenset[str] = frozenset(),
) -> SearchSpace:
    """Build the space of the schema's AutoML parameters around a resolved spec.

    `entries` add parameters and change others; keys in `fixed` and `dropped` are not searched,
    unless an entry names them. A parameter of the schema without bounds and with a default of 0 is
    left out. Raises `UsageError` naming each parameter that cannot be searched.
    """
    base = {**schema.defaults(), **flatten(spec)}
    parameters: dict[str, Parameter] = {}
    left_out: dict[str, str] = {}
    faults = [
        f"drop: {key}: unknown key{nearest(key, schema.fields)}"
        for key in sorted(dropped)
        if key not in schema.fields and key not in schema.automl_defaults
    ]
    for key in _searched(schema, fixed | dropped, entries):
        try:
            field, why = _field(schema, key, entries.get(key))
            built = list(_parameters(field, base.get(key), entries.get(key)))
            parameters |= {p.key: replace(p, why=why) for p in built}
        except NoFiniteRangeError as error:
            # The schema alone names it: a default of 0 often means off, and guesses no range.
            if key in entries:
                faults.extend(error.faults)
            else:
                left_out[key] = error.faults[0].removeprefix(f"{key}: ")
        except UsageError as error:
            faults.extend(error.faults)
    if faults:
        raise UsageError(*faults)
    related = _related(schema, parameters, base)
    return SearchSpace(_beside_fixed(schema, related, base), base, left_out=left_out)


def _searched(schema: Schema, left_out: frozenset[str], entries: Mapping[str, Entry]) -> list[str]:
    named = {*(key for key in schema.automl_defaults if key not in left_out), *entries}
    return sorted(named)


def _field(schema: Schema, key: str, entry: Entry | None) -> tuple[Field, str]:
    """Return the field to search under a key, and the reason why it is searched."""
    known = schema.fields.get(key)
    if known is None:
        if entry is None:
            raise UsageError(
                f"{key}: is in automl_default_parameters but not in the schema"
                f"{nearest(key, schema.fields)}"
            )
        raise UsageError(f"{entry.source}: {key}: unknown key{nearest(key, schema.fields)}")
    if entry is None:
        return known, "schema: automl_default_parameters"
    return apply_entry(schema, known, entry), entry.source


def _parameters(known: Field, default: Any, entry: Entry | None) -> Iterator[Parameter]:
    """Yield the parameters of a field: one, or one for each place of a list of numbers."""
    given = frozenset() if entry is None else entry.given
    if known.type == "bool" and not known.choices:
        known = replace(known, choices=(False, True))
    if known.type in ("subset_list", "optional_list") and not (entry and entry.choices):
        known = _list_of_options(known, default)
    elif known.type in ("float", "int") and not known.choices:
        domain = numeric_domain(replace(known, default=default), given=given)
        yield _parameter(known, known.type, domain, default, entry)
        return
    elif LISTS.fullmatch(known.type) and not known.choices:
        yield from _places(known, default, entry)
        return
    elif LISTS.fullmatch(known.type) and not (entry and entry.choices):
        raise UsageError(
            f"{known.key}: lists of options (type {known.type}) are searched only with choices of "
            "whole lists from an overlay"
        )
    if not known.choices:
        raise UsageError(
            f"{known.key}: parameters of type {known.type} cannot be searched as they are; "
            "give choices in an overlay or with --search"
        )
    yield _parameter(known, _kind(known), _choices(known, given), default, entry)


def _kind(known: Field) -> str:
    if known.type == "bool":
        return "bool"
    is_number = all(number_of(choice) is not None for choice in known.choices)
    return "ordered" if known.type != "categorical" and is_number or known.type == "ordered" else (
        "categorical"
    )  # fmt: skip


def _parameter(
    known: Field, kind: str, domain: Domain, default: Any, entry: Entry | None
) -> Parameter:
    prior = None if entry is None else entry.prior
    if prior is not None and not domain.contains(prior):
        raise UsageError(f"{known.key}: prior {prior!r} is outside the values searched")
    is_chosen = known.type == "bool" or bool(known.choices)
    if is_chosen and default is not None and not domain.contains(default) and not entry:
        raise UsageError(
            f"{known.key}: default {default!r} is not one of the values searched: "
            f"{', '.join(map(str, known.choices))}"
        )
    start = default if prior is None or domain.contains(default) else prior
    return with_domain(
        Parameter(
            key=known.key,
            kind="ordered" if isinstance(domain, Choices) and kind in ("int", "float") else kind,
            default=_number(nearest_in(domain, start), kind),
            active_when=known.active_when,
            relation=known.condition.relation,
            prior=prior,
            type=known.type,
            conditions=tuple(known.condition.texts()),
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


def _choices(known: Field, given: frozenset[str]) -> Choices:
    """Return the choices that a field's weights, conditions and given ends leave."""
    values, weights = known.choices, _weights(known)
    if len(set(map(identity, values))) < len(values):
        raise UsageError(f"{known.key}: its choices {list(values)!r} name one twice")
    pairs = [(v, w) for v, w in zip(values, weights or (1.0,) * len(values), strict=True) if w > 0]
    domain: Domain | None = Choices(
        tuple(v for v, _ in pairs), tuple(w for _, w in pairs) if weights else ()
    )
    tests: list[tuple[str, float]] = list(known.condition.comparisons)
    tests += [(">=", known.low)] if "low" in given else []
    tests += [("<=", known.high)] if "high" in given else []
    _check_numbers(known, has_tests=bool(tests))
    for sign, number in tests:
        domain = domain and compared(domain, sign, number)
    multiple, power = known.condition.multiple_of, known.condition.power_of
    if isinstance(domain, Choices) and multiple:
        domain = domain.where(lambda v: (v / multiple).is_integer())
    if isinstance(domain, Choices) and power:
        allowed = powers_of(known.key, power, min(known.choices), max(known.choices))
        domain = domain.where(lambda v: v in allowed)
    if not isinstance(domain, Choices):
        raise UsageError(f"{known.key}: its conditions leave none of its choices: impossible")
    return domain


def _check_numbers(known: Field, *, has_tests: bool) -> None:
    condition = known.condition
    has_tests = has_tests or any((condition.multiple_of, condition.power_of, condition.relation))
    numbers = [number_of(choice) for choice in known.choices]
    if has_tests and any(n is None or not abs(n) < float("inf") for n in numbers):
        raise UsageError(f"{known.key}: conditions and bounds need choices that are numbers")


def _weights(known: Field) -> tuple[float, ...]:
    """Return the weights of a field's choices; raises `UsageError` if they are not valid."""
    count, weights = len(known.choices), known.weights
    if not weights:
        return ()
    if known.type in ("subset_list", "optional_list") and len(weights) != count:
        raise UsageError(f"{known.key}: option_weights have no meaning for type {known.type}")
    if len(weights) != count:
        raise UsageError(f"{known.key}: {len(weights)} option_weights for {count} options")
    numbers = [number_of(weight) for weight in weights]
    if any(n is None or not 0 <= n < float("inf") for n in numbers) or not any(numbers):
        raise UsageError(
            f"{known.key}: option_weights {list(weights)} must be numbers of 0 or more, not all 0"
        )
    return tuple(n for n in numbers if n is not None)


def _list_of_options(known: Field, default: Any) -> Field:
    """Return a field whose choices are the lists that its options can form."""
    options = known.choices
    if not options:
        raise UsageError(f"{known.key}: type {known.type} needs an enum of options")
    if known.type == "optional_list":
        empty = default if default in ([], None) else None
        return replace(known, choices=(empty, list(options)))
    if len(options) > MOST_OPTIONS:
        raise UsageError(
            f"{known.key}: lists of some of {len(options)} options are too many to search (at most "
            f"{MOST_OPTIONS} options); give choices in an overlay"
        )
    subsets = [list(c) for n in range(len(options) + 1) for c in combinations(options, n)]
    return replace(known, choices=tuple(subsets))


def _places(known: Field, default: Any, entry: Entry | None) -> Iterator[Parameter]:
    """Yield one parameter for each place of a list of numbers."""
    count = known.type.removeprefix("list").strip("_").split("_")[0]
    values = default if isinstance(default, list) else [None] * int(count or 0)
    numbers = [number_of(value) for value in values]
    if not values or (isinstance(default, list) and None in numbers):
        raise UsageError(
            f"{known.key}: type {known.type} is searched only as a list of numbers; "
            f"its default is {default!r}"
        )
    for bounds in (known.lows, known.highs):
        if bounds and len(bounds) != len(values):
            raise UsageError(f"{known.key}: {len(bounds)} bounds for {len(values)} places")
    if known.condition.relation:
        raise UsageError(f"{known.key}: a list cannot depend on {known.condition.parent}")
    given = frozenset() if entry is None else entry.given
    is_ascending = _is_ascending(known.key, values)
    for place, value in enumerate(values):
        part = element(replace(known, default=default), place, value)
        parameter = _parameter(part, part.type, numeric_domain(part, given=given), value, None)
        if is_ascending and place:
            parameter = replace(parameter, relation=Relation(">", f"{known.key}.{place - 1}"))
        yield replace(parameter, type=known.type)


def _is_ascending(key: str, values: list[Any]) -> bool:
    """Whether the places of a list are milestones, each of which must be above the one before.

    PyTorch's MultiStepLR refuses any other order. Such a list is known by its name and default.
    """
    is_named = _MILESTONES.search(key.rpartition(".")[2]) is not None
    has_order = all(type(v) is int for v in values) and all(map(lt, values, values[1:]))
    return is_named and has_order


def _related(
    schema: Schema, parameters: Mapping[str, Parameter], base: Mapping[str, Any]
) -> dict[str, Parameter]:
    """Return the parameters with checked switches and with the full keys of their parents."""
    related, faults = dict(parameters), []
    for parameter in parameters.values():
        for switch in (key for one in parameter.active_when for key in one):
            if switch not in schema.fields and switch not in base:
                faults.append(
                    f"{parameter.key}: active_when names {switch}, which is not a key"
                    f"{nearest(switch, schema.fields)}"
                )
        try:
            relation = parameter.relation
            if relation is None or relation.parent not in parameters:  # E.g. a place of a list is.
                relation = _written_out(schema, parameter.key, relation)
        except UsageError as error:
            faults.extend(error.faults)
            continue
        if relation is not None:
            kind = "ordered" if parameter.choices else parameter.kind
            related[parameter.key] = replace(related[parameter.key], relation=relation, kind=kind)
            if relation.parent in related and related[relation.parent].choices:
                parent = related[relation.parent]
                related[relation.parent] = replace(parent, kind="ordered")
    if faults:
        raise UsageError(*faults)
    return related


def _written_out(schema: Schema, key: str, relation: Relation | None) -> Relation | None:
    """Return a relation with the full key of its parent, which may be named as a sibling."""
    if relation is None:
        return None
    sibling = f"{key.rpartition('.')[0]}.{relation.parent}".strip(".")
    parent = next((p for p in (relation.parent, sibling) if p in schema.fields), None)
    if parent is None:
        raise UsageError(
            f"{key}: depends_on {relation.parent!r} is not a key{nearest(sibling, schema.fields)}"
        )
    known = schema.fields[parent]
    is_number = known.type in ("float", "int", "ordered", "ordered_int") or all(
        number_of(choice) is not None for choice in known.choices or (None,)
    )
    if not is_number:
        raise UsageError(
            f"{key}: depends_on {parent}, which is of type {known.type} and not a number"
        )
    return replace(relation, parent=parent)


def _beside_fixed(
    schema: Schema, parameters: Mapping[str, Parameter], base: Mapping[str, Any]
) -> dict[str, Parameter]:
    """Narrow parents to the values that the children outside the search allow.

    A child that a searched switch turns on and off is added as a held parameter: it counts only
    while it is active.
    """
    narrowed = dict(parameters)
    for known in schema.fields.values():
        relation, value = known.condition.relation, number_of(base.get(known.key))
        if known.key in parameters or relation is None or relation.operator == DIVIDED:
            continue
        relation = _written_out(schema, known.key, relation)
        if value is None or relation is None or relation.parent not in parameters:
            continue
        held = Parameter(known.key, "ordered", value, choices=(value,), relation=relation,
                         active_when=known.active_when, is_held=True)  # fmt: skip
        if {switch for one in known.active_when for switch in one} & set(parameters):
            narrowed[known.key] = held
            continue
        if not SearchSpace({}, base).is_active(held, {}):
            continue
        parent = narrowed[relation.parent]
        domain = beside_fixed(parent.domain, relation, value)
        if domain is None:
            raise UsageError(
                f"{parent.key}: no value leaves {known.key} = {value:g}, which is not searched, "
                f"'{relation}': impossible"
            )
        default = nearest_in(domain, parent.default)
        narrowed[parent.key] = with_domain(replace(parent, default=default), domain)
    return narrowed
