"""Builds the search space of a train schema around a base spec, as an overlay changes it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from automl.errors import UsageError, nearest
from automl.schema.conditions import DIVIDED, Relation
from automl.schema.field import Field
from automl.schema.schema import Schema
from automl.schema.spec import flatten
from automl.schema.values import number_of
from automl.space.cases import with_cases
from automl.space.field_parameters import parameters_of, with_domain
from automl.space.named import Named, check_parents, named_faults, parameter_of, rewritten
from automl.space.narrowing import beside_fixed
from automl.space.overlay.entry import Entry, apply_entry
from automl.space.parameter import Parameter
from automl.space.ranges import NoFiniteRangeError
from automl.space.space import SearchSpace, nearest_in

_NO_OVERLAY: Mapping[str, Entry] = {}
_NO_NAMES: Named = {}
_NOTHING: Mapping[str, str] = {}


def space_from_schema(
    schema: Schema,
    spec: Mapping[str, Any],
    *,
    fixed: frozenset[str] = frozenset(),
    entries: Mapping[str, Entry] = _NO_OVERLAY,
    dropped: frozenset[str] = frozenset(),
    named: Named = _NO_NAMES,
    left_out: Mapping[str, str] = _NOTHING,
) -> SearchSpace:
    """Build the space of the schema's AutoML parameters around a resolved spec.

    `entries` add parameters and change others; keys in `fixed` and `dropped` are not searched,
    unless an entry names them. Keys that `named` choices set are not searched either. A parameter
    of the schema without bounds and with a default of 0 is left out; `left_out` has those of the
    caller, with their reasons. Raises `UsageError` naming each parameter that cannot be searched.
    """
    base = {**schema.defaults(), **flatten(spec)}
    parameters: dict[str, Parameter] = {}
    left_out = dict(left_out)
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
            built = list(parameters_of(field, base.get(key), entries.get(key)))
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
    ranked = _ranked(_beside_fixed(schema, related, base), [*named, *entries])
    return SearchSpace(ranked, base, left_out=left_out)


def _ranked(parameters: Mapping[str, Parameter], order: Sequence[str]) -> dict[str, Parameter]:
    """Return the parameters with their places in an overlay; the numbers of a list have one."""
    ranks = {key: place for place, key in enumerate(order, start=1)}
    return {
        key: replace(one, rank=ranks.get(key, ranks.get(key.rpartition(".")[0], 0)))
        for key, one in parameters.items()
    }


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
            if united[inner].choices == (base.get(inner),):
                left_out[inner] = f"has one value beside every {key}"
                del united[inner]
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
    built = list(parameters_of(field, default, entry))
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
