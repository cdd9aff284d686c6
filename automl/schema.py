"""Reads the JSON schema of an action: its fields, its defaults, and what is wrong with a spec.

Takes JSON Schema 2020-12 and the type names of TAO's dialect (float, bool, categorical, ...).
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
from jsonschema import Draft202012Validator, TypeChecker

from automl.errors import UsageError, nearest

_STANDARD = {
    "number": "float",
    "integer": "int",
    "boolean": "bool",
    "string": "string",
    "array": "list",
    "object": "collection",
}
_ALIASES = {"ordered_int": "int", "ordered": "categorical"}


@dataclass(frozen=True)
class Field:
    """One leaf of a schema under its dotted key; bounds are infinite where there are none."""

    key: str
    type: str
    default: Any
    low: float = -math.inf
    high: float = math.inf
    low_is_open: bool = False
    high_is_open: bool = False
    choices: tuple[Any, ...] = ()
    weights: tuple[float, ...] = ()
    scale: str = "linear"
    active_when: tuple[Mapping[str, Any], ...] = ()
    """Alternatives; in each, keys and the values that they must have, or ``{"not": value}``."""
    description: str = ""

    def allowed(self) -> str:
        """Say in words which values the field takes."""
        if self.choices:
            return "one of " + ", ".join(map(str, self.choices))
        if math.isinf(self.low) and math.isinf(self.high):
            return f"a {self.type}"
        left, right = "(" if self.low_is_open else "[", ")" if self.high_is_open else "]"
        return f"a {self.type} in {left}{self.low:g}, {self.high:g}{right}"


class Schema:
    """A read schema; `fields` are its leaves by dotted key."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = _without_strays(dict(document))
        self.fields = {f.key: f for f in _leaves(self.document, "")}
        self.automl_defaults = tuple(sorted(document.get("automl_default_parameters", ())))

    @classmethod
    def read(cls, path: Path) -> "Schema":
        """Read a schema file; raises `UsageError` where it is missing or not JSON."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"{path}: is not UTF-8 text") from error
        except json.JSONDecodeError as error:
            raise UsageError(f"{path}: is not JSON (line {error.lineno}: {error.msg})") from error
        if not isinstance(document, dict) or not isinstance(document.get("properties"), dict):
            raise UsageError(f"{path}: is not a schema of an object with properties")
        return cls(document)

    def check_keys(self, flat: Mapping[str, Any]) -> None:
        """Raise `UsageError` for flat overrides with unknown keys or values out of bounds."""
        faults = [fault for key, value in flat.items() for fault in self._faults_of(key, value)]
        if faults:
            raise UsageError(*faults)

    def _faults_of(self, key: str, value: Any) -> Iterator[str]:
        if key not in self.fields:
            yield f"{key}: unknown key{nearest(key, self.fields)}"
            return
        known = self.fields[key]
        for error in _errors(_subschema(self.document, key), value):
            detail = f" ({error.message})" if known.type in ("list", "collection") else ""
            yield (
                f"{key}: {value!r} is not allowed{detail}: must be {known.allowed()}; "
                f"the default is {known.default!r}"
            )
            return


def _errors(schema: Mapping[str, Any], value: Any) -> Iterator[jsonschema.ValidationError]:
    checker = Draft202012Validator.TYPE_CHECKER.redefine_many(_DIALECT)
    dialect: Any = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
        Draft202012Validator, type_checker=checker
    )
    return iter(dialect(schema).iter_errors(value))


def _is(kind: str) -> Any:
    def check(_: TypeChecker, value: Any) -> bool:
        return bool(Draft202012Validator.TYPE_CHECKER.is_type(value, kind))

    return check


_DIALECT = {
    "float": _is("number"),
    "int": _is("integer"),
    "ordered_int": _is("integer"),
    "bool": _is("boolean"),
    "list": _is("array"),
    "collection": _is("object"),
    "categorical": lambda _checker, _value: True,
    "ordered": lambda _checker, _value: True,
}


def _without_strays(node: dict[str, Any]) -> dict[str, Any]:
    """Return the schema without the lists that TAO leaves among the properties."""
    properties = node.get("properties")
    if isinstance(properties, Mapping):
        node = dict(node)
        node["properties"] = {
            name: _without_strays(dict(child))
            for name, child in properties.items()
            if isinstance(child, Mapping)
        }
    return node


def _leaves(node: Mapping[str, Any], prefix: str) -> Iterator[Field]:
    for name, child in node["properties"].items():
        key = f"{prefix}{name}"
        if child.get("properties"):
            yield from _leaves(child, f"{key}.")
        else:
            yield _field(key, child)


def _field(key: str, node: Mapping[str, Any]) -> Field:
    low, low_is_open = _bound(node, "minimum", "exclusiveMinimum", -math.inf)
    high, high_is_open = _bound(node, "maximum", "exclusiveMaximum", math.inf)
    return Field(
        key=key,
        type=_type(node),
        default=node.get("default"),
        low=low,
        high=high,
        low_is_open=low_is_open,
        high_is_open=high_is_open,
        choices=tuple(node.get("enum", ())),
        weights=tuple(node.get("option_weights", ())),
        scale=node.get("scale", "linear"),
        active_when=_alternatives(node.get("active_when", ())),
        description=node.get("description", ""),
    )


def _alternatives(annotation: Any) -> tuple[Mapping[str, Any], ...]:
    return (annotation,) if isinstance(annotation, Mapping) else tuple(annotation)


def _type(node: Mapping[str, Any]) -> str:
    declared = node.get("type", "string")
    names = [t for t in (declared if isinstance(declared, list) else [declared]) if t != "null"]
    name = _STANDARD.get(names[0], names[0]) if names else "string"
    if node.get("enum"):
        return "categorical"
    return _ALIASES.get(name, name)


def _bound(node: Mapping[str, Any], closed: str, opened: str, missing: float) -> tuple[float, bool]:
    if opened in node:
        return float(node[opened]), True
    value = node.get(closed)
    return (missing if value is None else float(value)), False


def _subschema(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    node = document
    for name in key.split("."):
        node = node["properties"][name]
    return node
