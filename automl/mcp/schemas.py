"""JSON schemas of what tools take and answer, and the check of arguments against them."""

from collections.abc import Iterable, Mapping
from typing import Any

from automl.errors import Fault, UsageError, not_allowed, not_one_of, unknown_key
from automl.request.options import RUN_OPTIONS, Option

_EXACT = 2.0**53
"""Beyond it a float stands for several whole numbers."""
_LEFT_OUT = ("address", "download", "out", "request_model")
"""Options of a run that lead out of the server's folder; `out` has a schema of its own."""
_TYPES: Mapping[str, dict[str, Any]] = {
    "whole": {"type": "integer"},
    "number": {"type": "number"},
    "flag": {"type": "boolean"},
    "texts": {"type": "array", "items": {"type": "string"}},
    "mapping": {"type": "object"},
}
_WORDS: Mapping[str, tuple[Any, str]] = {
    "string": (str, "a text"),
    "integer": (int, "a whole number"),
    "number": ((int, float), "a number"),
    "boolean": (bool, "true or false"),
    "array": (list, "a list of texts"),
    "object": (dict, "a mapping of keys to values"),
}


def text(description: str, **more: Any) -> dict[str, Any]:
    """Return the schema of a text."""
    return {"type": "string", "description": description, **more}


def object_schema(
    properties: Mapping[str, Mapping[str, Any]], required: Iterable[str] = (), *, is_open: bool
) -> dict[str, Any]:
    """Return the schema of an object; an open one may have further properties."""
    return {
        "type": "object",
        "properties": {name: dict(schema) for name, schema in properties.items()},
        "required": list(required),
        "additionalProperties": is_open,
    }


def run_properties() -> dict[str, dict[str, Any]]:
    """Return the schemas of a run's options, from the table of its flags."""
    return {
        name: _of_option(option) for name, option in RUN_OPTIONS.items() if name not in _LEFT_OUT
    }


def check_arguments(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Raise `UsageError` naming every argument that is unknown, missing or of a wrong type."""
    properties = schema["properties"]
    faults: list[str] = [
        Fault(f"{name}: is missing: {properties[name].get('description', '')}", key=name)
        for name in schema["required"]
        if name not in arguments
    ]
    for name, value in arguments.items():
        if name not in properties:
            faults.append(unknown_key(name, properties))
        elif (fault := _fault(name, value, properties[name])) is not None:
            faults.append(fault)
    if faults:
        raise UsageError(*faults)


def with_whole_numbers(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments in which 2.0 is 2 where a whole number is taken, as JSON Schema has it."""
    whole = {n for n, inner in schema["properties"].items() if inner["type"] == "integer"}
    return {
        name: int(value) if name in whole and _is_whole(value) else value
        for name, value in arguments.items()
    }


def _is_whole(value: Any) -> bool:
    return isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT


def _fault(name: str, value: Any, schema: Mapping[str, Any]) -> Fault | None:
    kind, words = _WORDS[schema["type"]]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        return not_allowed(name, value, words)
    if isinstance(value, list) and not all(isinstance(item, str) for item in value):
        return not_allowed(name, value, words)
    if "minItems" in schema and len(value) < schema["minItems"]:
        return not_allowed(name, value, f"{words} with one or more; leave it out for its default")
    if "enum" in schema and value not in schema["enum"]:
        return not_one_of(name, value, schema["enum"])
    return None


def _of_option(option: Option) -> dict[str, Any]:
    default = f" (default: {option.default})" if option.default else ""
    schema = {**_TYPES.get(option.kind, {"type": "string"}), "description": option.help + default}
    if option.kind == "texts" and option.default:
        schema["minItems"] = 1  # None at all is not its default.
    if option.kind == "switch" and option.metavar:
        schema["enum"] = option.metavar.split("|")
    return schema
