"""What a data set says of itself in dataset.json: its classes, as values of the spec."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segformer.errors import DataError

FILE_NAME = "dataset.json"

_SEGMENT = "dataset.segment"


def described(root: Path, *, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the dotted spec keys that the data set answers and that are not in `given`.

    A folder named test holds the test split. Of the keys of dataset.json, ``classes`` (a list of
    ``{"value", "name"}``: the value in the mask) and ``ignore`` (a value or null) are read.
    Raises `DataError` for a dataset.json that cannot be understood.
    """
    found: dict[str, Any] = {}
    if (root / "images" / "test").is_dir() and (root / "masks" / "test").is_dir():
        found[f"{_SEGMENT}.test_split"] = "test"
    path = root / FILE_NAME
    if path.is_file():
        found.update(_classes_described(path, given))
    return {key: value for key, value in found.items() if key not in given}


def _classes_described(path: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    classes, ignored = _read(path)
    values = [value for value, _ in classes]
    is_binary = values == [0, 255] and ignored is None
    # The palette holds the values after the transform.
    is_normed = is_binary and given.get(f"{_SEGMENT}.label_transform", "norm") == "norm"
    found: dict[str, Any] = {}
    if classes:
        found[f"{_SEGMENT}.num_classes"] = len(classes)
        found[f"{_SEGMENT}.label_transform"] = "norm" if is_normed else "None"
        found[f"{_SEGMENT}.palette"] = [
            _entry(i, name, i if is_normed else value) for i, (value, name) in enumerate(classes)
        ]
    if ignored is not None:
        found[f"{_SEGMENT}.ignore_index"] = ignored
    return found


def _read(path: Path) -> tuple[list[tuple[int, str]], int | None]:
    """Return (value, name) of each class in order of value, and the ignored value."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        classes = [(_value(c["value"]), str(c["name"])) for c in content.get("classes", [])]
        ignored = content.get("ignore")
        return sorted(classes), None if ignored is None else _value(ignored)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f'{path}: wants "classes": [{{"value": 0, "name": "road"}}, ...] and '
            f'"ignore": null or a value ({type(error).__name__}: {error})'
        ) from None


def _value(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 255:
        raise ValueError(f"{value!r} is no whole number from 0 to 255")
    return value


def _entry(label_id: int, name: str, value: int) -> dict[str, Any]:
    return {"label_id": label_id, "seg_class": name, "mapping_class": name, "rgb": [value] * 3}
