"""Specs as flat dotted keys and back, and the ``key=value`` notation of the command line."""

import re
from collections.abc import Container, Iterable, Mapping
from typing import Any

import yaml

from automl.errors import UsageError

_SECRET = re.compile("key|token|secret|password")
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
    """Return ``{"a": {"b": 1}}`` for ``{"a.b": 1}``."""
    nested: dict[str, Any] = {}
    for key, value in flat.items():
        *parents, name = key.split(".")
        node = nested
        for parent in parents:
            node = node.setdefault(parent, {})
        node[name] = value
    return nested


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
            faults.append(f"{word!r} is not understood: settings are given as key.sub=value")
            continue
        try:
            flat[key] = parse_value(text)
        except yaml.YAMLError:
            # A secret is shown to nobody.
            shown = "what follows =" if _SECRET.search(key) else repr(text)
            faults.append(f"{key}: {shown} is not a YAML value; put quotes around it")
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
