"""Builds the search space of a train schema around a base spec, as an overlay changes it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from operator import lt
from typing import Any

from automl.errors import UsageError, nearest
from automl.schema.conditions import DIVIDED, Relation
from automl.schema.field import LISTS, Field
from automl.schema.schema import Schema
from automl.schema.spec import flatten
from automl.schema.values import number_of
from automl.space.cases import with_cases
from automl.space.domain import Choices, Domain
from automl.space.named import Named, check_parents, named_faults, parameter_of, rewritten
from automl.space.narrowing import beside_fixed
from automl.space.options import choices_of, with_lists_as_choices
from automl.space.overlay.entry import Entry, apply_entry
from automl.space.parameter import Parameter
from automl.space.ranges import NoFiniteRangeError, element, numeric_domain
from automl.space.space import SearchSpace, nearest_in

_MILESTONES = re.compile(r"(^|_)(milestones?|steps?)(_|$)")

_NO_OVERLAY: Mapping[str, Entry] = {}
_NO_NAMES: Named = {}


def space_from_schema(
    schema: Schema,
    spec: Mapping[str, Any],
    *,
    fixed: frozenset[str] = frozenset(),
    entries: Mapping[str, Entry] = _NO_OVERLAY,
    dropped: frozenset[str] = frozenset(),
    named: Named = _NO_NAMES,
) -> SearchSpace:
    """Build the space of the schema's AutoML parameters around a resolved spec.

    `entries` add parameters and change others; keys in `fixed` and `dropped` are not searched,
    unless an entry names them. Keys that `named` choices set are not searched either. A parameter
    of the schema without bounds and with a default of 0 is left out. Raises `UsageError` naming
    each parameter that cannot be searched.
    """
    base = {**schema.defaults(), **flatten(spec)}
    parameters: dict[str, Parameter] = {}
    left_out: dict[str, str] = {}
    faults = [
        f"drop: {key}: unknown key{nearest(key, schema.fields)}"
        for key in sorted(dropped)
        if key not in schema.fields and key not in schema.automl_defaults
    ]
    faults += named_faults(schema, entries, named)
    set_keys = frozenset(key for choices in named.values() for key in choices.keys)
    for key in _searched(schema, fixed | dropped | set_keys, entries):
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
    parameters = _with_named(schema, parameters, named, base, left_out)
    related = _related(schema, parameters, base)
    check_parents(related, named)
    return SearchSpace(_beside_fixed(schema, related, base), base, left_out=left_out)


def _with_named(
    schema: Schema,
    parameters: Mapping[str, Parameter],
    named: Named,
    base: Mapping[str, Any],
    left_out: dict[str, str],
) -> dict[str, Parameter]:
    """Return the parameters with the named choices, and with what these change of the others."""
    united = dict(parameters)
    for key, choices in named.items():
        own = parameter_of(choices)
        for inner in sorted(choices.searched):
            ranges = {
                name: _single(schema, inner, base.get(inner), choice.searched[inner])
                for name, choice in choices.choices.items()
                if inner in choice.searched
            }
            united[inner] = with_cases(united.get(inner), own, ranges)
        united[key] = own
    for key, parameter in list(united.items()):
        active = rewritten(parameter, named, base)
        if active is None:
            left_out[key] = "is active beside none of the choices"
            del united[key]
        else:
            united[key] = active
    return united


def _single(schema: Schema, key: str, default: Any, entry: Entry) -> Parameter:
    """Return the one parameter of an entry; raises `UsageError` for a list."""
    field, why = _field(schema, key, entry)
    built = list(_parameters(field, default, entry))
    if built[0].key != key:
        raise UsageError(f"{entry.source}: {key}: a list has no range beside a named choice")
    return replace(built[0], why=why)


def _searched(schema: Schema, left_out: frozenset[str], entries: Mapping[str, Entry]) -> list[str]:
    named = {*(key for key in schema.automl_defaults if key not in left_out), *entries}
    return sorted(named)


def _field(schema: Schema, key: str, entry: Entry | None) -> tuple[Field, str]:
    """Return the field to search under a key, and the reason why it is searched."""
    field = schema.fields.get(key)
    if field is None:
        if entry is None:
            raise UsageError(
                f"{key}: is in automl_default_parameters but not in the schema"
                f"{nearest(key, schema.fields)}"
            )
        raise UsageError(f"{entry.source}: {key}: unknown key{nearest(key, schema.fields)}")
    if entry is None:
        return field, "schema: automl_default_parameters"
    return apply_entry(schema, field, entry), entry.source


def _parameters(field: Field, default: Any, entry: Entry | None) -> Iterator[Parameter]:
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
    if prior is not None and not domain.contains(prior):
        raise UsageError(f"{field.key}: prior {prior!r} is outside the values searched")
    is_chosen = field.type == "bool" or bool(field.choices)
    if is_chosen and default is not None and not domain.contains(default) and not entry:
        raise UsageError(
            f"{field.key}: default {default!r} is not one of the values searched: "
            f"{', '.join(map(str, field.choices))}"
        )
    start = default if prior is None or domain.contains(default) else prior
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
    is_ascending = _is_ascending(field.key, values)
    for place, value in enumerate(values):
        part = element(replace(field, default=default), place, value)
        parameter = _parameter(part, part.type, numeric_domain(part, given=given), value, None)
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


def _related(
    schema: Schema, parameters: Mapping[str, Parameter], base: Mapping[str, Any]
) -> dict[str, Parameter]:
    """Return the parameters with checked switches and with the full keys of their parents."""
    related, faults = dict(parameters), []
    for parameter in parameters.values():
        for switch in (key for one in parameter.active_when for key in one):
            if not any(switch in known for known in (schema.fields, base, parameters)):
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
    field = schema.fields[parent]
    is_number = field.type in ("float", "int", "ordered", "ordered_int") or all(
        number_of(choice) is not None for choice in field.choices or (None,)
    )
    if not is_number:
        raise UsageError(
            f"{key}: depends_on {parent}, which is of type {field.type} and not a number"
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
    for field in schema.fields.values():
        relation, value = field.condition.relation, number_of(base.get(field.key))
        if field.key in parameters or relation is None or relation.operator == DIVIDED:
            continue
        relation = _written_out(schema, field.key, relation)
        if value is None or relation is None or relation.parent not in parameters:
            continue
        held = Parameter(field.key, "ordered", value, choices=(value,), relation=relation,
                         active_when=field.active_when, is_held=True)  # fmt: skip
        if {switch for one in field.active_when for switch in one} & set(parameters):
            narrowed[field.key] = held
            continue
        if not SearchSpace({}, base).is_active(held, {}):
            continue
        parent = narrowed[relation.parent]
        domain = beside_fixed(parent.domain, relation, value)
        if domain is None:
            raise UsageError(
                f"{parent.key}: no value leaves {field.key} = {value:g}, which is not searched, "
                f"'{relation}': impossible"
            )
        default = nearest_in(domain, parent.default)
        narrowed[parent.key] = with_domain(replace(parent, default=default), domain)
    return narrowed
