"""Checks what an experiment file or a call says of a run."""

from collections.abc import Mapping
from os import PathLike, fspath
from typing import Any

from automl.errors import UsageError, nearest
from automl.request.options import BY_NAME, Key, Options
from automl.schema.spec import flatten

_TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "whole": ((int,), "a whole number"),
    "number": ((int, float), "a number"),
}


_ALL = f"; there are {', '.join(BY_NAME)}. Settings of the spec belong under spec:"


def parsed_options(given: Mapping[Any, Any], *, source: str) -> Options:
    """Check what a file or a call says; what is None is not said.

    Raises `UsageError` naming every name that is unknown and every value of a wrong type.
    """
    said: dict[str, Any] = {}
    faults = []
    for name, value in given.items():
        if name not in BY_NAME:
            faults.append(f"{source}: {name}: unknown key{nearest(str(name), BY_NAME) or _ALL}")
        elif value is not None:
            try:
                said[name] = _parsed(BY_NAME[name], value)
            except ValueError as error:
                faults.append(f"{source}: {name}: {value!r} is not allowed: must be {error}")
    if faults:
        raise UsageError(*faults)
    return said


def _parsed(key: Key, value: Any) -> Any:
    """Return a value of a file or a call as `Options` has it.

    Raises `ValueError` that says what it must be.
    """
    kind = key.kind
    if isinstance(value, PathLike):
        value = fspath(value)
    if kind == "switch" and isinstance(value, bool):
        return "on" if value else "off"  # YAML reads a bare on and off like that.
    if kind == "texts":
        texts = [value] if isinstance(value, str) else value
        if not (isinstance(texts, list | tuple) and all(isinstance(t, str) for t in texts)):
            raise ValueError("a text or a list of texts")
        return tuple(texts)
    if kind == "mapping":
        if not isinstance(value, Mapping):
            raise ValueError("a mapping of keys to values")
        flat = flatten({str(above): inner for above, inner in value.items()})
        # The expressions of a search are parsed later, one that reads as a number too.
        return {k: str(v) for k, v in flat.items()} if key.name == "search" else flat
    types, text = _TYPES.get(kind, ((str, int, float), "a text"))
    if isinstance(value, bool) or not isinstance(value, types):
        raise ValueError(text)
    return value if kind in _TYPES else str(value)
