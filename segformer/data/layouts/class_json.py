"""Classes as JSON files say them: names with their values or colours, in many forms."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from segformer.data.layouts.base import LabelClass

Colour = tuple[int, int, int]

_LISTS = ("classes", "labels", "categories", "items", "label_map", "id2label")
"""Keys whose value may be the table."""
_NAME = ("name", "title", "label", "class", "class_name", "readable", "label_name")
_VALUE = ("value", "pixel_value", "id", "class_id", "label_id", "index")
_COLOUR = ("color", "colour", "rgb", "color_rgb", "hex")
_HEX = re.compile(r"#?([0-9a-f]{6})([0-9a-f]{2})?", re.IGNORECASE)


def classes_of_json(content: Any) -> list[LabelClass]:
    """Return the classes; none, or a `ValueError`, for what is no table.

    Known are lists of names or of objects, names by value, and values or colours by name.
    """
    if isinstance(content, Sequence) and not isinstance(content, str):
        return [_class_of(entry, i) for i, entry in enumerate(content)]
    if not isinstance(content, Mapping):
        return []
    inner = [content[key] for key in _LISTS if isinstance(content.get(key), list | dict)]
    if inner:
        return classes_of_json(inner[0])
    if all(str(key).isdecimal() for key in content):
        return [_class_of(entry, int(key)) for key, entry in content.items()]
    return [_class_by_name(str(name), entry) for name, entry in content.items()]


def byte(text: str | int) -> int:
    """Return a number from 0 to 255; raises `ValueError`, also for true and false."""
    value = int(text)
    if isinstance(text, bool) or not 0 <= value <= 255:
        raise ValueError(text)
    return value


def colour_of(parts: Sequence[str | int] | str) -> Colour:
    """Return the colour of three numbers or of #rrggbb; raises `ValueError`."""
    if isinstance(parts, str):
        match = _HEX.fullmatch(parts.strip())
        if match is None:
            raise ValueError(parts)
        parts = [*bytes.fromhex(match[1])]
    red, green, blue = (byte(str(part).strip()) for part in parts)
    return red, green, blue


def _class_of(entry: Any, position: int) -> LabelClass:
    if isinstance(entry, str):
        return LabelClass(entry, byte(position))
    name, value, colour = (_first(entry, keys) for keys in (_NAME, _VALUE, _COLOUR))
    if not isinstance(name, str):
        raise ValueError(entry)
    if value is None and colour is None:
        value = position
    return LabelClass(
        name, None if value is None else byte(value), None if colour is None else colour_of(colour)
    )


def _class_by_name(name: str, entry: Any) -> LabelClass:
    if isinstance(entry, int):
        return LabelClass(name, byte(entry))
    return LabelClass(name, colour=colour_of(entry))


def _first(entry: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((entry[key] for key in keys if entry.get(key) is not None), None)
