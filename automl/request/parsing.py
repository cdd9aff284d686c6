"""Validates the options of an experiment file or a Python call."""

from collections.abc import Iterable, Mapping
from os import PathLike, fspath
from typing import Any

from automl.errors import UsageError, not_allowed, unknown_key
from automl.request.options import RUN_OPTIONS, Option, Options
from automl.schema.spec import flatten

_TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "whole": ((int,), "a whole number"),
    "number": ((int, float), "a number"),
}
_FILLED = "a text that is not empty"

_ALL = f"; there are {', '.join(RUN_OPTIONS)}. Settings of the spec belong under spec:"


def parsed_options(
    content: Mapping[Any, Any], *, source: str, are_texts_typed: bool = False
) -> Options:
    """Return the options of a file or a call; those that are None are left out.

    Where `are_texts_typed`, a number is no text: YAML alone reads a folder named 2023 as one.

    Raises `UsageError` naming every unknown name and every value of a wrong type.
    """
    options: dict[str, Any] = {}
    faults = []
    for name, value in content.items():
        if name not in RUN_OPTIONS:
            faults.append(unknown_key(name, RUN_OPTIONS, source=source, otherwise=_ALL))
        elif value is not None:
            try:
                options[name] = _parsed(RUN_OPTIONS[name], value, are_texts_typed)
            except ValueError as error:
                faults.append(not_allowed(name, value, str(error), source=source))
    if faults:
        raise UsageError(*faults)
    return options


def parsed_targets(to: str | Iterable[str]) -> tuple[str, ...]:
    """Return the models that a list such as `onnx, int8` names, each once."""
    names = to.split(",") if isinstance(to, str) else to
    return tuple(dict.fromkeys(name.strip() for name in names))


def _parsed(option: Option, value: Any, are_texts_typed: bool) -> Any:
    """Return a value of a file or a call as `Options` holds it.

    Raises `ValueError` naming the kind of value that is allowed.
    """
    kind = option.kind
    if isinstance(value, PathLike):
        value = fspath(value)
    if kind == "switch" and isinstance(value, bool):
        return "on" if value else "off"  # YAML reads a bare on and off as booleans.
    if kind == "place" and isinstance(value, Mapping):
        return dict(value)
    if kind == "flag":
        if not isinstance(value, bool):
            raise ValueError("true or false")
        return value
    if kind == "texts":
        items = [value] if isinstance(value, str) else value
        if not (isinstance(items, list | tuple) and all(isinstance(t, str) for t in items)):
            raise ValueError("a text or a list of texts")
        if not items and option.default is not None:
            raise ValueError(f"one text or more; leave {option.name} out for its default")
        if not all(item.strip() for item in items):
            raise ValueError(f"{_FILLED}; leave out what is not asked for")
        return tuple(items)
    if kind == "mapping":
        if not isinstance(value, Mapping):
            raise ValueError("a mapping of keys to values")
        flat = flatten({str(key): inner for key, inner in value.items()})
        # Expressions of --search are parsed later, also one that YAML reads as a number.
        return {k: str(v) for k, v in flat.items()} if option.name == "search" else flat
    texts = (str,) if are_texts_typed else (str, int, float)
    types, text = _TYPES.get(kind, (texts, "a text"))
    if isinstance(value, bool) or not isinstance(value, types):
        raise ValueError(text)
    if isinstance(value, str) and not value.strip():
        raise ValueError(f"{_FILLED}; leave {option.name} out for its default")
    return value if kind in _TYPES else str(value)
