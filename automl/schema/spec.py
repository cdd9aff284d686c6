"""Specs as flat dotted keys and back, and the ``key=value`` notation of the command line."""

import copy
import math
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

import yaml

from automl.errors import Fault, UsageError

_SECRET = re.compile("key|token|secret|password")
_PLACES = re.compile(r"\[(\d+)\]")
_EXPONENT = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")


def flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return ``{"a.b": 1}`` for ``{"a": {"b": 1}}``; lists and empty mappings are values."""
    flat: dict[str, Any] = {}
    for name, value in nested.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, f"{key}."))
        else:
            flat[key] = value
    return flat


def unflatten(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``{"a": {"b": 1}}`` for ``{"a.b": 1}``; the values themselves are not changed.

    A key may name a place of a list, ``a[0].b``, which is made if need be. Where a key and others
    below it have values, as ``a`` and ``a.b``, those below are set in a copy of its mapping or
    list; anything else, as null, gives way to them.
    """
    paths = {key: path_of(key) for key in flat}
    above = {path[:length] for path in paths.values() for length in range(1, len(path))}
    nested: dict[str, Any] = {}
    for key in sorted(flat, key=lambda k: len(paths[k]) if paths[k] in above else math.inf):
        value = flat[key]
        _put(nested, paths[key], copy.deepcopy(value) if paths[key] in above else value)
    return nested


def path_of(key: str) -> tuple[str | int, ...]:
    """Return the names and list places on the way to a key: ``("a", 0, "b")`` of ``a[0].b``."""
    path: list[str | int] = []
    for part in key.split("."):
        name, *places = _PLACES.split(part)
        path += [name, *(int(place) for place in places if place)]
    return tuple(path)


def value_at(nested: Mapping[str, Any], key: str) -> Any:
    """Return the value of a key, which may name a place of a list; None if there is none."""
    node: Any = nested
    for step in path_of(key):
        if isinstance(node, Mapping):
            node = node.get(str(step))
        elif isinstance(node, list) and isinstance(step, int) and step < len(node):
            node = node[step]
        else:
            return None
    return node


def _put(node: Any, path: Sequence[str | int], value: Any) -> None:
    for step, following in zip(path, path[1:], strict=False):
        _make_room(node, step)
        kind = list if isinstance(following, int) else dict
        if not isinstance(node[step], kind):
            node[step] = kind()
        node = node[step]
    _make_room(node, path[-1])
    node[path[-1]] = value


def _make_room(node: Any, step: str | int) -> None:
    if isinstance(step, int):
        node += [None] * (step + 1 - len(node))
    else:
        node.setdefault(step, None)


def leaves(spec: Mapping[str, Any], keys: Container[str]) -> dict[str, Any]:
    """Return the flat part of a spec that another schema knows too."""
    return {key: value for key, value in flatten(spec).items() if key in keys}


def with_values(spec: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a nested spec in which the dotted keys have new values.

    A key may end in a place of a list: ``betas.0`` is the first of ``betas``.
    """
    flat = flatten(spec)
    for key, value in values.items():
        above, _, place = key.rpartition(".")
        known = flat.get(above)
        if isinstance(known, list) and place.isdecimal() and int(place) < len(known):
            flat[above] = [value if n == int(place) else old for n, old in enumerate(known)]
        else:
            flat[key] = value
    return unflatten(flat)


def parse_assignments(words: Iterable[str]) -> dict[str, Any]:
    """Return the flat mapping of ``key.sub=value`` words; values are YAML.

    Raises `UsageError` naming every word that has no ``=`` or whose value is not YAML.
    """
    flat: dict[str, Any] = {}
    faults = []
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key:
            text = f"{word!r} is not understood: settings are given as key.sub=value"
            faults.append(Fault(text, key=word, value=word, allowed="key.sub=value"))
            continue
        try:
            flat[key] = parse_value(text)
        except yaml.YAMLError:
            # A secret is shown to nobody.
            shown = "the value after =" if _SECRET.search(key) else repr(text)
            text = f"{key}: {shown} is not a YAML value; put quotes around it"
            faults.append(Fault(text, key=key))
    if faults:
        raise UsageError(*faults)
    return flat


def is_exponent(text: str) -> bool:
    """Whether a text is a number like ``1e-4``, which YAML 1.1 takes for a text."""
    return _EXPONENT.fullmatch(text) is not None


def parse_value(text: str) -> Any:
    """Return the YAML value of a command-line text; ``1e-4`` is a number, empty text stays empty.

    ``None`` and the empty text are texts, as in YAML; ``null`` is no value.
    """
    if is_exponent(text):
        return float(text)
    return "" if text == "" else yaml.safe_load(text)
