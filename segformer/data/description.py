"""What a data set says of itself in dataset.json: its classes, as values of the spec."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segformer.errors import DataError
from segformer.storage.staging import FILE_NAME

_SEGMENT = "dataset.segment"


def described(root: Path, *, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the dotted spec keys that the data set answers and that are not in `given`.

    A folder named test holds the test split. Of the keys of dataset.json, ``classes`` (a list of
    ``{"value", "name"}``: the value in the mask; and ``"color"``: [red, green, blue] in masks of
    colours) and ``ignore`` (a value or null) are read.
    Raises `DataError` for a dataset.json that cannot be understood.
    """
    found: dict[str, Any] = {}
    if (root / "images" / "test").is_dir() and (root / "masks" / "test").is_dir():
        found[f"{_SEGMENT}.test_split"] = "test"
    path = root / FILE_NAME
    if path.exists():
        if not path.is_file():
            raise DataError(f"{path}: is no file")
        found.update(_classes_described(path, given))
    return {key: value for key, value in found.items() if key not in given}


@dataclass(frozen=True)
class _Class:
    """A class of dataset.json: its value in index masks and its colour in colour masks."""

    value: int
    name: str
    colour: list[int] | None

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> "_Class":
        colour = entry.get("color")
        if colour is not None:
            colour = [_byte(part) for part in colour]
            if len(colour) != 3:
                raise ValueError(f"color {colour} is not three numbers")
        return cls(_byte(entry["value"]), str(entry["name"]), colour)

    def entry(self, label_id: int, rgb: list[int]) -> dict[str, Any]:
        return {"label_id": label_id, "seg_class": self.name, "mapping_class": self.name,
                "rgb": rgb}  # fmt: skip


def _classes_described(path: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    classes, ignored = _read(path)
    is_binary = [c.value for c in classes] == [0, 255] and ignored is None
    # The palette holds the values after the transform.
    is_normed = is_binary and given.get(f"{_SEGMENT}.label_transform", "norm") == "norm"
    found: dict[str, Any] = {}
    if classes:
        found[f"{_SEGMENT}.num_classes"] = len(classes)
        found[f"{_SEGMENT}.label_transform"] = "norm" if is_normed else "None"
        found[f"{_SEGMENT}.palette"] = _normed(classes) if is_normed else _palette(classes)
    if ignored is not None:
        found[f"{_SEGMENT}.ignore_index"] = ignored
    return found


def _normed(classes: list[_Class]) -> list[dict[str, Any]]:
    return [each.entry(i, [i] * 3) for i, each in enumerate(classes)]


def _palette(classes: list[_Class]) -> list[dict[str, Any]]:
    """Return an entry for each value and, where every class has a colour of its own, for those."""
    colours = {tuple(c.colour) for c in classes if c.colour is not None}
    if len(colours) < len(classes):
        return [each.entry(i, [each.value] * 3) for i, each in enumerate(classes)]
    return [
        *(each.entry(i, each.colour or []) for i, each in enumerate(classes)),
        *(each.entry(i, [each.value]) for i, each in enumerate(classes)),
    ]


def _read(path: Path) -> tuple[list[_Class], int | None]:
    """Return the classes in order of value, and the ignored value."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        classes = [_Class.read(each) for each in content.get("classes") or []]
        ignored = content.get("ignore")
        ignored = None if ignored is None else _byte(ignored)
        for name in ("value", "name"):
            _check_unique([getattr(each, name) for each in classes], name)
        return sorted(classes, key=lambda each: each.value), ignored
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f'{path}: wants "classes": [{{"value": 0, "name": "road"}}, ...] and '
            f'"ignore": null or a value ({type(error).__name__}: {error})'
        ) from None


def _check_unique(values: list[Any], name: str) -> None:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"two classes have the {name} {twice[0]!r}")


def _byte(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 255:
        raise ValueError(f"{value!r} is no whole number from 0 to 255")
    return value
