"""Brings schema nodes into a plain form, without references, alternatives and stray entries."""

from collections.abc import Callable, Mapping
from typing import Any

from automl.schema.field import STANDARD
from automl.schema.values import number_of

MOST_LEVELS = 60
"""Most levels of nesting; a deeper schema probably refers to itself."""

Fault = Callable[[str], None]

_TYPES: dict[str, Callable[[Any], bool]] = {
    "bool": lambda value: isinstance(value, bool),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: number_of(value) is not None,
    "string": lambda value: isinstance(value, str),
    "list": lambda value: isinstance(value, list),
    "collection": lambda value: isinstance(value, Mapping),
}


def plain_node(
    node: Mapping[str, Any], root: Mapping[str, Any], fault: Fault, key: str = "", level: int = 0
) -> dict[str, Any]:
    """Return a node in plain form, its properties included."""
    if level > MOST_LEVELS:
        fault(f"{key}: is nested more than {MOST_LEVELS} levels deep")
        return {}
    plain = _one(_referred(node, root, fault, key), root, fault, key)
    for word in ("default", "title"):
        if word in node:
            plain[word] = node[word]
    if "const" in plain:
        plain.setdefault("enum", [plain.pop("const")])
    properties = plain.get("properties")
    if properties is not None and not isinstance(properties, Mapping):
        fault(f"{key or 'properties'}: properties {properties!r:.60} are not a mapping")
        properties = plain["properties"] = {}
    if isinstance(properties, Mapping):
        plain["properties"] = {}
        for name, child in properties.items():
            below = f"{key}.{name}" if key else str(name)
            if isinstance(child, Mapping):
                plain["properties"][name] = plain_node(child, root, fault, below, level + 1)
            elif not isinstance(child, list):  # TAO's files have lists among the properties.
                fault(f"{below}: {child!r:.60} is not a schema")
    return plain


def _referred(
    node: Mapping[str, Any], root: Mapping[str, Any], fault: Fault, key: str
) -> dict[str, Any]:
    """Return the node that a local reference names, merged with the words next to it."""
    merged = dict(node)
    for _ in range(MOST_LEVELS):
        if "$ref" not in merged:
            return merged
        target = _target(merged.pop("$ref"), root)
        if target is None:
            fault(f"{key}: $ref {node.get('$ref')!r} names nothing within the schema")
            return merged
        merged = {**target, **merged}
    fault(f"{key}: $ref {node.get('$ref')!r} goes round in a ring")
    merged.pop("$ref", None)
    return merged


def _target(reference: Any, root: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return None
    node: Any = root
    for name in reference[2:].split("/"):
        if not isinstance(node, Mapping) or name not in node:
            return None
        node = node[name]
    return node if isinstance(node, Mapping) else None


def _one(node: dict[str, Any], root: Mapping[str, Any], fault: Fault, key: str) -> dict[str, Any]:
    """Return a node with its alternatives replaced by the one that fits its default.

    The types of the other alternatives, null included, stay as further types.
    """
    for word in ("anyOf", "oneOf", "allOf"):
        branches = node.get(word)
        if branches is None:
            continue
        node = {name: value for name, value in node.items() if name != word}
        if not isinstance(branches, list) or not branches:
            fault(f"{key}: {word} {branches!r:.60} is not a list of schemas")
            continue
        if not all(isinstance(branch, Mapping) for branch in branches):
            fault(f"{key}: {word} {branches!r:.60} is not a list of schemas")
            continue
        kinds = [_referred(branch, root, fault, key) for branch in branches]
        if word == "allOf":
            for kind in kinds:
                node = {**kind, **node}
            continue
        chosen = next((k for k in kinds if _fits(k, node.get("default"))), None)
        chosen = chosen or next((k for k in kinds if k.get("type") != "null"), kinds[0])
        others = [name for k in kinds if k is not chosen for name in _names(k)]
        node = {**chosen, **node, "type": [*_names(chosen), *others]}
    return node


def _names(node: Mapping[str, Any]) -> list[str]:
    declared = node.get("type")
    names = declared if isinstance(declared, list) else [declared]
    return [name for name in names if isinstance(name, str)]


def _fits(node: Mapping[str, Any], value: Any) -> bool:
    return any(
        _TYPES.get(STANDARD.get(name, name), lambda _: False)(value) for name in _names(node)
    )
