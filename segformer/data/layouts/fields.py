"""What annotation files must hold, and messages that say where one holds something else."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segformer.errors import DataError

_MOST_LETTERS = 60


@dataclass(frozen=True)
class Kind:
    """What a value must be, in words, and whether one is."""

    words: str
    holds: Callable[[Any], bool]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    """Whether a value is 48, 48.0 or "48", which programs write for a size."""
    if isinstance(value, str):
        return value.isdecimal() and int(value) > 0
    return isinstance(value, int | float) and _is_number(value) and value > 0 and value % 1 == 0


def _is_name(value: object) -> bool:
    return _is_number(value) or (isinstance(value, str) and bool(value.strip()))


def _are_points(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(p, list) and len(p) == 2 and all(map(_is_number, p)) for p in value
    )


def _are_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, Mapping) for each in value)


NAME = Kind("a name", _is_name)
NUMBER = Kind("a number", _is_number)
COUNT = Kind("a whole number above 0", _is_count)
NUMBERS = Kind(
    "a list of numbers", lambda value: isinstance(value, list) and all(map(_is_number, value))
)
POINTS = Kind("a list of points [x, y]", _are_points)
OBJECT = Kind("an object {...}", lambda value: isinstance(value, Mapping))
OBJECTS = Kind("a list of objects [{...}, ...]", _are_objects)
ID = Kind("a number or a text", lambda value: isinstance(value, int | str) and _is_name(value))


def check(value: object, kind: Kind, path: Path, place: str = "") -> None:
    """Raise `DataError`, with file, place and value, for a value that is not of a kind."""
    if not kind.holds(value):
        text = repr(value)
        shown = text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}..."
        raise DataError(f"{path}: {place or 'the content'} is {shown}, not {kind.words}")


def check_fields(
    entry: object,
    kinds: Mapping[str, Kind],
    path: Path,
    place: str = "",
    *,
    optional: Sequence[str] = (),
) -> None:
    """Check the values of an object; the optional ones may be missing or null."""
    check(entry, OBJECT, path, place)
    fields = dict(entry) if isinstance(entry, Mapping) else {}
    for name, kind in kinds.items():
        if fields.get(name) is None and name in optional:
            continue
        where = f"{place}.{name}" if place else name
        if name not in fields:
            raise DataError(f"{path}: {where} is missing; it must be {kind.words}")
        check(fields[name], kind, path, where)
