"""Declares a spec field: type, default, bounds, text and annotations in one place."""

from collections.abc import Iterator
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo


class Node(BaseModel):
    """A section of the spec; refuses keys it does not know, infinities and NaN."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, validate_assignment=True)


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("is a boolean, not a number")
    return value


def _in_lower_case(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _text_of_null(value: object) -> object:
    return "None" if value is None else value


# YAML 1.1 reads 1e-4 as text; pydantic turns such text into the number that was meant.
Float = Annotated[float, BeforeValidator(_no_bool)]
Int = Annotated[int, BeforeValidator(_no_bool)]
# Bounds stand before the validator, or else pydantic leaves them out of the JSON schema.
PositiveInt = Annotated[int, Field(ge=1), BeforeValidator(_no_bool)]
PositiveFloat = Annotated[float, Field(gt=0), BeforeValidator(_no_bool)]
Side = Annotated[int, Field(ge=32), BeforeValidator(_no_bool)]
MaskValue = Annotated[int, Field(ge=0, le=65535), BeforeValidator(_no_bool)]
Count = Annotated[int, Field(ge=0), BeforeValidator(_no_bool)]
NotNegative = Annotated[float, Field(ge=0), BeforeValidator(_no_bool)]
Overlap = Annotated[float, Field(ge=0, le=0.9), BeforeValidator(_no_bool)]
Share = Annotated[float, Field(ge=0, lt=1), BeforeValidator(_no_bool)]
Byte = Annotated[int, Field(ge=0, le=255), BeforeValidator(_no_bool)]
RESULTS_TEXT = "Folder for the results of this action; empty: a folder below results_dir"
NullIsNone = BeforeValidator(_text_of_null)
"""For enums with a "None" text (TAO's way): the null of YAML stands for it."""
AnyCase = BeforeValidator(_in_lower_case)
"""For enums that TAO writes as it likes: its own classes say FP32, its templates fp16."""


def setting(  # noqa: ANN201 - as pydantic's Field, it is whatever type the field has.
    default: Any,  # noqa: ANN401
    title: str,
    description: str,
    *,
    automl: bool | None = None,
    popular: bool = False,
    is_path: bool = False,
    must_be_set: bool = False,
    is_secret: bool = False,
    active_when: dict[str, Any] | list[dict[str, Any]] | None = None,
    scale: str | None = None,
    **bounds: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """Declare a leaf; with `automl` None it is searched only if the user names it.

    `active_when` is the condition under which it has an effect: a mapping of dotted keys to a
    value, or to ``{"not": value}``, all of which must hold; or a list, one of which must hold.
    """
    annotations: dict[str, Any] = {
        "automl_enabled": automl,
        "popular": popular or None,
        "format": "path" if is_path else None,
        "must_be_set": must_be_set or None,
        "writeOnly": is_secret or None,
        "active_when": active_when,
        "scale": scale,
    }
    if isinstance(default, list):
        bounds["default_factory"] = lambda: [_copy(item) for item in default]
    else:
        bounds["default"] = default
    extra = {name: value for name, value in annotations.items() if value is not None}
    return Field(title=title, description=description, json_schema_extra=extra, **bounds)


def _copy(item: object) -> object:
    return item.model_copy(deep=True) if isinstance(item, BaseModel) else item


def section(kind: type[Node], description: str) -> Any:  # noqa: ANN401
    """Declare a nested section whose default is that of its class."""
    return Field(default_factory=kind, description=description)


_Value = TypeVar("_Value")


def applies(
    node: type[Node],
    value: _Value,
    info: ValidationInfo,
    when: str,
    **choices: tuple[object, ...],
) -> _Value:
    """Return the value; raise `ValueError` if it is not the default and has no effect.

    For a field's validator. `choices` are fields declared above this one, with the values under
    which it has an effect; `when` is the same in words.
    """
    field = node.model_fields[str(info.field_name)]
    default = field.get_default(call_default_factory=True, validated_data={})
    made = all(info.data.get(other, allowed[0]) in allowed for other, allowed in choices.items())
    if value != default and not made:
        raise ValueError(f"has an effect only with {when}")
    return value


def path_keys(root: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the dotted keys of the fields that are paths."""
    for name, field in root.model_fields.items():
        extra = field.json_schema_extra
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from path_keys(field.annotation, f"{prefix}{name}.")
        elif isinstance(extra, dict) and extra.get("format") == "path":
            yield f"{prefix}{name}"
