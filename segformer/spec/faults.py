"""Turns pydantic's errors into one line each that a user can act on."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from segformer.errors import nearest
from segformer.spec.tao import is_tao_field

_KINDS = {"int": "an integer", "float": "a number", "bool": "true or false", "string": "a text"}


_HINTS = 30
"""Errors whose keys are compared with all keys, and keys within one: of thousands nobody reads the
hints, and they take 4 ms each."""


def faults_from(error: ValidationError, root: type[BaseModel]) -> list[str]:
    """Return one line for each error, e.g. ``train.optim.lr: -1 is not allowed: must be ...``."""
    keys = list(leaf_keys(root))
    lines = [
        line
        for number, detail in enumerate(error.errors())
        for line in _lines(detail, root, keys if number < _HINTS else [])
    ]
    return list(dict.fromkeys(lines))


def leaf_keys(root: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the dotted keys of all leaves of a spec class."""
    for name, field in root.model_fields.items():
        if nested := _section(field):
            yield from leaf_keys(nested, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def nearest_key(key: str, keys: list[str]) -> str | None:
    """Return the dotted key that `key` most likely means, by its last word; None for no match."""

    def likeness(name: str) -> float:
        last = _ratio(name.rpartition(".")[2], key.rpartition(".")[2])
        return last + _ratio(name, key) if last >= 0.6 else 0.0

    best = max(keys, key=likeness, default=None)
    return best if best is not None and likeness(best) else None


def _ratio(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


def unknown_key(key: str, keys: list[str]) -> str:
    """Return the fault line of a key that is no field; `keys` are all fields."""
    if is_tao_field(key):
        return f"{key}: is a TAO field of which only the empty default is accepted"
    near = nearest_key(key, keys)
    return f"{key}: unknown key" + (f"; did you mean {near}?" if near else "")


def _lines(detail: ErrorDetails, root: type[BaseModel], keys: list[str]) -> Iterator[str]:
    key = ".".join(map(str, detail["loc"]))
    if detail["type"] == "extra_forbidden":
        for number, within in enumerate(_keys_within(key, detail["input"])):
            yield unknown_key(within, keys if number < _HINTS else [])
    elif detail["type"] == "missing":
        yield f"{key}: is missing"
    else:
        field = _field_at(root, detail["loc"])
        default = _default_text(field) if field else ""
        value = "the value" if _is_secret(field) else _short(detail["input"])
        yield f"{key}: {value} is not allowed: {_reason(detail, field)}{default}"


def _is_secret(field: FieldInfo | None) -> bool:
    extra = field.json_schema_extra if field else None
    return isinstance(extra, dict) and bool(extra.get("writeOnly"))


def _keys_within(key: str, value: object) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        for name, child in value.items():
            yield from _keys_within(f"{key}.{name}", child)
    else:
        yield key


def _short(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]  # As YAML writes them.
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _reason(detail: ErrorDetails, field: FieldInfo | None) -> str:
    kind = detail["type"]
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return "must be a section with keys of its own"
    if kind == "finite_number":
        return "must be a finite number"
    allowed = _allowed(detail, field) if field else ""
    # An item of a list, or of a type with its own bounds, has pydantic's words.
    return f"must be {allowed}" if allowed else detail["msg"].replace("Input should", "must")


def _allowed(detail: ErrorDetails, field: FieldInfo) -> str:
    """Describe the values that the field takes: choices, a list, or a type with its bounds."""
    limits = {type(limit): limit for limit in field.metadata}
    if choices := _choices(field.annotation):
        names = [str(choice) for choice in choices]
        return f"one of {', '.join(names)}{nearest(str(detail['input']), names)}"
    if MinLen in limits:
        low = limits[MinLen].min_length
        exact = MaxLen in limits and limits[MaxLen].max_length == low
        return f"a list of {'' if exact else 'at least '}{low}"
    return " ".join(word for word in (_kind(detail), _range(limits)) if word)


def _kind(detail: ErrorDetails) -> str:
    word = detail["type"].partition("_")[0]
    return _KINDS.get(word, "a list" if word == "list" else "")


def _range(limits: Mapping[type, Any]) -> str:
    low = limits.get(Gt) or limits.get(Ge)
    high = limits.get(Lt) or limits.get(Le)
    if low and high:
        left = f"({low.gt}" if isinstance(low, Gt) else f"[{low.ge}"
        right = f"{high.lt})" if isinstance(high, Lt) else f"{high.le}]"
        return f"in {left}, {right}"
    if low:
        return f"greater than {low.gt}" if isinstance(low, Gt) else f"at least {low.ge}"
    return ""


def _choices(annotation: object) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _default_text(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    default = field.get_default(call_default_factory=True, validated_data={})
    return "" if isinstance(default, BaseModel | list) else f" (default {_short(default)})"


def _field_at(root: type[BaseModel], loc: tuple[int | str, ...]) -> FieldInfo | None:
    """Return the field named by a location, or None for an item of a list."""
    node: type[BaseModel] | None = root
    field: FieldInfo | None = None
    for name in loc:
        if isinstance(name, int):
            field = None
            continue
        if node is None or name not in node.model_fields:
            return None
        field = node.model_fields[name]
        node = _section(field) or _item(field)
    return field


def _section(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _item(field: FieldInfo) -> type[BaseModel] | None:
    kinds = [k for k in get_args(field.annotation) if isinstance(k, type)]
    return next((k for k in kinds if issubclass(k, BaseModel)), None)
