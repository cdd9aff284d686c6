"""Named choices in a space: their parameters, and the conditions and ranges that they give others.

A named choice sets keys of the spec, which the space itself never sees: what is active only beside
a value of such a key is active beside the names that set it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from automl.errors import UsageError, nearest
from automl.schema.schema import Schema
from automl.schema.values import identity
from automl.space.overlay.entry import Entry
from automl.space.overlay.named import NamedChoices
from automl.space.parameter import Parameter

Named = Mapping[str, NamedChoices]


def parameter_of(named: NamedChoices) -> Parameter:
    """Return the parameter whose values are the names."""
    weights = tuple(choice.weight for choice in named.choices.values())
    return Parameter(
        key=named.key,
        kind="categorical",
        default=named.default,
        choices=tuple(named.choices),
        weights=weights if len(set(weights)) > 1 else (),
        prior=named.prior,
        type="named",
        why=named.source,
    )


def named_faults(schema: Schema, entries: Mapping[str, Entry], named: Named) -> Iterator[str]:
    """Yield the faults of named choices: names that are keys, unknown keys, keys of two owners."""
    owners: dict[str, str] = {}
    for key, choices in named.items():
        if key in schema.fields:
            yield f"{choices.source}: {key}: is a key of the schema, so its choices cannot be names"
        for inner in sorted(choices.keys | choices.searched):
            where = f"{choices.source}: {key}: {inner}"
            if inner not in schema.fields:
                yield f"{where}: unknown key{nearest(inner, schema.fields)}"
            elif owners.setdefault(inner, key) != key:
                yield f"{where}: {owners[inner]} sets it too"
        for inner in sorted(choices.keys & (choices.searched | entries.keys())):
            yield f"{choices.source}: {key}: {inner}: is set by {key} and cannot be searched too"


def rewritten(parameter: Parameter, named: Named, base: Mapping[str, Any]) -> Parameter | None:
    """Return a parameter whose switches are names in place of the keys that they set.

    None if it is active beside no name.
    """
    if not parameter.active_when:
        return parameter
    alternatives = [
        alternative
        for one in parameter.active_when
        for alternative in _alternatives(dict(one), list(named.values()), base)
    ]
    if not alternatives:
        return None
    return replace(parameter, active_when=tuple(alternatives))


def _alternatives(
    one: dict[str, Any], named: list[NamedChoices], base: Mapping[str, Any]
) -> Iterable[dict[str, Any]]:
    """Yield an alternative for each set of names that fulfils its conditions on set keys."""
    if not named:
        yield one
        return
    first, rest = named[0], named[1:]
    ruled = {key: state for key, state in one.items() if key in first.keys}
    free = {key: state for key, state in one.items() if key not in ruled}
    if not ruled:
        yield from _alternatives(one, rest, base)
        return
    for name, choice in first.choices.items():
        values = {key: choice.settings.get(key, base.get(key)) for key in ruled}
        if all(_holds(state, values[key]) for key, state in ruled.items()):
            yield from _alternatives({**free, first.key: name}, rest, base)


def _holds(state: Any, value: Any) -> bool:
    if isinstance(state, Mapping):
        return bool(identity(value) != identity(state["not"]))
    return bool(identity(value) == identity(state))


def check_parents(parameters: Mapping[str, Parameter], named: Named) -> None:
    """Raise `UsageError` for parameters that depend on a key that a named choice sets."""
    faults = [
        f"{parameter.key}: depends on {parameter.relation.parent}, which {choices.key} sets"
        for choices in named.values()
        for parameter in parameters.values()
        if parameter.relation is not None and parameter.relation.parent in choices.keys
    ]
    if faults:
        raise UsageError(*faults)
