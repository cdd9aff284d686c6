"""The shape of space.yaml, whose parameters somebody may have edited."""

from collections.abc import Collection, Iterator, Mapping
from math import inf, isfinite
from typing import Any

from automl.errors import Fault, UsageError, nearest, unknown_key
from automl.space.parameter import CASE_FIELDS, KINDS

_NUMBER = {"type": "number"}
_LIST = {"type": "array"}
_NUMBERS = {"type": "array", "items": _NUMBER}
_TEXT = {"type": "string"}
_BOOL = {"type": "boolean"}
_MAPPING = {"type": "object"}
_FIELDS: dict[str, dict[str, Any]] = {
    "kind": {"enum": KINDS},
    "default": {},
    "low": _NUMBER,
    "high": _NUMBER,
    "is_log": _BOOL,
    "choices": _LIST,
    "active_when": {"type": "array", "items": _MAPPING},
    "weights": _NUMBERS,
    "step": {"type": ["number", "null"]},
    "holes": _NUMBERS,
    "prior": {},
    "type": _TEXT,
    "conditions": {"type": "array", "items": _TEXT},
    "why": _TEXT,
    "is_held": _BOOL,
    "rank": {"type": "integer"},
    "case_key": _TEXT,
    "relation": {
        "type": ["object", "null"],
        "required": ["operator", "parent"],
        "properties": {"operator": _TEXT, "parent": _TEXT, "factor": _NUMBER},
        "additionalProperties": False,
    },
}
_FIELDS["cases"] = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "required": ["choices", "weights", "holes"],
        "properties": {name: _FIELDS[name] for name in ("default", *CASE_FIELDS)},
        "additionalProperties": False,
    },
}
_SHAPE = {"type": "object", "required": ["kind", "default"], "properties": _FIELDS}


def check_plain_form(content: Mapping[str, Any]) -> None:
    """Raise `UsageError` with a line for each key of space.yaml whose value makes no parameter."""
    if faults := list(_faults(content)):
        raise UsageError(*faults)


def check_plain_keys(content: Mapping[str, Any], known: Collection[str]) -> None:
    """Raise `UsageError` for keys of space.yaml that are not `known`: no trial would use them."""
    faults = [
        unknown_key(key, known, source="space.yaml")
        for key in content
        if isinstance(key, str) and key not in known
    ]
    if faults:
        raise UsageError(*faults)


def _faults(content: Mapping[str, Any]) -> Iterator[Fault]:
    # A search reads this file once, and its start should not wait for the library.
    from jsonschema import Draft202012Validator

    shape = Draft202012Validator(_SHAPE)
    for key, parameter in content.items():
        if not isinstance(key, str):
            yield Fault(f"space: {key!r} must be the dotted key of a spec", key="space.yaml")
            continue
        names = parameter if isinstance(parameter, Mapping) else {}
        for name in names:
            if name not in _FIELDS:
                hint = nearest(str(name), _FIELDS)
                yield Fault(f"space: {key}: unknown key {name!r}{hint}", key=key)
        errors = list(shape.iter_errors(parameter))
        for error in errors:
            where = ".".join([key, *map(str, error.absolute_path)])
            yield Fault(f"space: {where}: {error.message}", key=key, value=error.instance)
        if not errors:
            yield from _faults_of_range(key, parameter)


def _faults_of_range(key: str, parameter: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what leaves a parameter of the right shape without values."""
    low, high = parameter.get("low", 0.0), parameter.get("high", 0.0)
    kind, step = parameter["kind"], parameter.get("step")
    if parameter.get("choices") or parameter.get("cases"):
        return
    if kind not in ("float", "int"):
        yield Fault(f"space: {key}: {kind} has no choices", key=key)
    elif not (isfinite(low) and isfinite(high)):
        yield Fault(f"space: {key}: low {low:g} and high {high:g} must be finite", key=key)
    elif step is not None and not 0 < step < inf:
        yield Fault(f"space: {key}: step {step:g} must be above 0", key=key, value=step)
    elif low > high:
        yield Fault(f"space: {key}: low {low:g} is above high {high:g}", key=key, value=low)
    elif parameter.get("is_log") and low <= 0:
        yield Fault(f"space: {key}: is_log needs a low above 0, not {low:g}", key=key, value=low)
