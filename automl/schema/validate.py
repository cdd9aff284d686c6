"""Checks values against schema nodes with jsonschema, its types extended by TAO's."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from automl.schema.field import LISTS, OPEN_LISTS, STANDARD, types_of
from automl.schema.values import number_of

_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_COUNTS = ("minItems", "maxItems", "minLength", "maxLength")
_DIALECT = {tao: standard for standard, tao in STANDARD.items()}


@cache
def _validator() -> Any:
    """Return the class of the validators; jsonschema loads late, as no training needs it."""
    from jsonschema import Draft202012Validator, TypeChecker
    from jsonschema.exceptions import UndefinedTypeCheck
    from jsonschema.validators import extend

    class Types(TypeChecker):
        """The type checker of both dialects: unknown types take any value, numbers are finite."""

        def is_type(self, instance: Any, type: str) -> bool:  # noqa: A002 - the library's name.
            is_list = type in OPEN_LISTS or LISTS.fullmatch(type)
            name = _DIALECT.get(type, "array" if is_list else type)
            if name == "number" or name == "integer":
                number = number_of(instance)
                is_finite = number is not None and abs(number) != float("inf")
                return is_finite and (name == "number" or float(instance).is_integer())
            try:
                return bool(Draft202012Validator.TYPE_CHECKER.is_type(instance, name))
            except UndefinedTypeCheck:
                return True

    return extend(Draft202012Validator, type_checker=Types())  # type: ignore[no-untyped-call]


def validator_of(node: Mapping[str, Any]) -> Any:
    """Return a validator of values against a plain node of either dialect."""
    return _validator()(_checkable(node))


def errors_of(validator: Any, value: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield dotted key, message and value for each fault of a value."""
    for error in validator.iter_errors(value):
        path = [str(part) for part in error.absolute_path]
        if error.validator == "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            # There is one error per name, and only its message has the name.
            name = next(n for n in missing if error.message.startswith(repr(n)))
            yield ".".join([*path, name]), "is missing", None
        elif error.validator == "additionalProperties":
            properties = error.schema.get("properties", {})
            for name in error.instance:
                if name not in properties:
                    yield ".".join([*path, str(name)]), "unknown key", error.instance[name]
        else:
            yield ".".join(path), error.message, error.instance


def _checkable(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the words of a node that jsonschema checks, in its own notation."""
    kept: dict[str, Any] = {}
    names = types_of(node)
    is_list = any(name in OPEN_LISTS or LISTS.fullmatch(name) for name in names)
    if names:
        declared = node["type"] if isinstance(node["type"], list) else [node["type"]]
        may_be_null = "optional_list" in names or node.get("default", ...) is None
        kept["type"] = [n for n in declared if isinstance(n, str)] + ["null"] * may_be_null
    if isinstance(node.get("enum"), list):
        options = node["enum"]
        if is_list:
            kept["items"] = {"enum": options}
        else:
            kept["enum"] = [*options, None] if "null" in kept.get("type", ()) else options
    elif isinstance(node.get("items"), Mapping):
        kept["items"] = _checkable(node["items"])
    kept |= {word: node[word] for word in _BOUNDS if number_of(node.get(word)) is not None}
    kept |= {word: node[word] for word in _COUNTS if type(node.get(word)) is int}
    if _is_pattern(node.get("pattern")):
        kept["pattern"] = node["pattern"]
    if isinstance(node.get("properties"), Mapping) and node["properties"]:
        kept["properties"] = {name: _checkable(child) for name, child in node["properties"].items()}
    required = node.get("required")
    if isinstance(required, list):
        kept["required"] = [name for name in required if isinstance(name, str)]
    if node.get("additionalProperties") is False:
        kept["additionalProperties"] = False
    return kept


def _is_pattern(text: Any) -> bool:
    try:
        return isinstance(text, str) and bool(re.compile(text))
    except re.error:
        return False
