"""Checks the plain form of a record, as a file holds it, against the record's dataclass."""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from automl.errors import nearest
from automl.trial.objective import Constraint

_KINDS: dict[Any, tuple[tuple[type, ...], str]] = {
    str: ((str,), "a text"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    Mapping: ((Mapping,), "a mapping"),
    tuple: ((list, tuple), "a list"),
    Constraint: ((str,), "a text"),  # Its plain form is `latency_ms<=20`.
}


def record_faults(record: type, content: Any, source: str) -> Iterator[str]:
    """Yield what keeps `content` from being the plain form of a dataclass, nested ones included.

    These are unknown and missing keys and values of a wrong type, null among them.
    """
    if not isinstance(content, Mapping):
        yield f"{source}: {content!r} is not allowed: must be a mapping"
        return
    known = {field.name: field for field in fields(record)}
    hints = get_type_hints(record)
    for key in content:
        if key not in known:
            yield f"{source}: unknown key {key!r}{nearest(str(key), known)}"
    for name, field in known.items():
        if name in content:
            yield from _value_faults(hints[name], content[name], f"{source}: {name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            yield f"{source}: {name} is missing"


def _value_faults(hint: Any, value: Any, source: str) -> Iterator[str]:
    alternatives = get_args(hint) if get_origin(hint) is UnionType else (hint,)
    if value is None and NoneType in alternatives:
        return
    hint = next(one for one in alternatives if one is not NoneType)
    kind = get_origin(hint) or hint
    if is_dataclass(kind) and kind not in _KINDS:
        assert isinstance(kind, type)
        yield from record_faults(kind, value, source)
        return
    types, text = _KINDS[kind]
    if not isinstance(value, types) or isinstance(value, bool):
        yield f"{source}: {value!r} is not allowed: must be {text}"
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _value_faults(get_args(hint)[0], inner, source)
