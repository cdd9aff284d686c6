"""The classes of a data set that has no dataset.json: from its layout, or from its masks."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from os import cpu_count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segformer.data.images import MaskFile
from segformer.data.layouts.base import LabelClass
from segformer.data.pairs import Pair
from segformer.data.palette import IGNORED
from segformer.errors import DataError

_SEGMENT = "dataset.segment"
_MOST_CLASSES = 64
"""More values or colours than these are no classes, but grey pictures or blurred borders."""
_SHOWN = 5

_VOC_BORDER = (224, 224, 192)
"""The colour of 255 in VOC's table, which marks the borders of objects."""

BINARY = (LabelClass("background", 0), LabelClass("foreground", 255))
"""Masks of black and white, which label_transform=norm reads."""


Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Codes:
    """What masks hold: grey values or indices, colours, and the colours that indices have."""

    values: frozenset[int] = frozenset()
    colours: frozenset[Colour] = frozenset()
    table: frozenset[tuple[int, Colour]] = frozenset()
    bits: frozenset[int] = frozenset()

    def __or__(self, other: "Codes") -> "Codes":
        return Codes(
            self.values | other.values,
            self.colours | other.colours,
            self.table | other.table,
            self.bits | other.bits,
        )


def spec_keys(classes: Sequence[LabelClass], ignored: Sequence[LabelClass] = ()) -> dict[str, Any]:
    """Return the settings that say what the masks of some classes mean.

    Colours that several classes share say nothing, and are left out if the values do.
    Raises `DataError` for more classes than there are ids.
    """
    if len(classes) >= IGNORED:
        raise DataError(f"{len(classes)} classes are more than {IGNORED - 1}")
    if tuple(classes) == BINARY:
        entries = [_entry(each.name, i, [i] * 3) for i, each in enumerate(classes)]
        return _keys(len(classes), entries, "norm")
    numbered = [*enumerate(classes), *((IGNORED, each) for each in ignored)]
    has_values = all(each.value is not None for _, each in numbered)
    used = [each.colour for _, each in numbered if each.colour is not None]
    if has_values and len(set(used)) < len(used):
        numbered = [(i, replace(each, colour=None)) for i, each in numbered]
    colours = [_entry(c.name, i, list(c.colour)) for i, c in numbered if c.colour is not None]
    values = [_entry(c.name, i, [c.value]) for i, c in numbered if c.value is not None]
    return _keys(len(classes), colours + values, "None")


def inferred(pairs: Iterable[Pair]) -> tuple[list[LabelClass], list[LabelClass], str]:
    """Return the classes and the ignored values that masks hold, and a line that says so.

    Every value is a class; 255 is ignored if the others are numbers of classes, as 0, 1, 2.
    Masks that cannot be read are passed over, since the check names them.
    Raises `DataError` for more values or colours than classes can have.
    """
    codes = Codes()
    with ThreadPoolExecutor(max_workers=min(8, cpu_count() or 1)) as pool:
        for each in pool.map(_codes_of, pairs):
            codes |= each
    _check_countable(codes)
    if codes.colours:
        classes = [
            LabelClass(f"color_{red}_{green}_{blue}", colour=(red, green, blue))
            for red, green, blue in sorted(codes.colours)
        ]
        return classes, [], _line(classes, "colours")
    values = sorted(codes.values)
    if values == [0, 255] and codes.bits <= {1, 8}:
        return list(BINARY), [], ""
    colours = _colours_of_values(codes)
    is_ignored = colours.get(IGNORED) == _VOC_BORDER or _are_numbers_and_ignored(values)
    ignored = [LabelClass("ignored", IGNORED, colours.get(IGNORED))] if is_ignored else []
    numbers = [value for value in values if not (is_ignored and value == IGNORED)]
    classes = [LabelClass(f"class_{value}", value, colours.get(value)) for value in numbers]
    return classes, ignored, _line(classes, "values") if classes else ""


def _check_countable(codes: Codes) -> None:
    if codes.values and codes.colours:
        raise DataError(
            "some masks hold colours and others values, and there is no dataset.json to say which "
            "mean the same"
        )
    kind, codes_of_kind = ("colours", codes.colours) if codes.colours else ("values", codes.values)
    if len(codes_of_kind) > _MOST_CLASSES:
        some = ", ".join(map(str, sorted(codes_of_kind)[:_SHOWN]))
        raise DataError(
            f"masks hold {len(codes_of_kind)} {kind} ({some}, ...), too many to be classes; say "
            "which are in dataset.json"
        )


def _codes_of(pair: Pair) -> Codes:
    try:
        return _codes(pair.read_mask())
    except DataError:
        return Codes()


def _codes(mask: MaskFile) -> Codes:
    values = mask.values
    if values.ndim == 3 and not (values == values[..., :1]).all():
        return Codes(colours=frozenset(_tuples(np.unique(values.reshape(-1, 3), axis=0))))
    used = np.unique(values if values.ndim == 2 else values[..., 0])
    if mask.table is None or used.max() >= len(mask.table):
        return Codes(frozenset(used.tolist()), bits=frozenset({mask.bits}))
    colours = mask.table[used]
    if (colours == colours[:, :1]).all():  # The table says which grey an index stands for.
        return Codes(frozenset(colours[:, 0].tolist()), bits=frozenset({8}))
    table = frozenset(zip(used.tolist(), _tuples(colours), strict=True))
    return Codes(frozenset(used.tolist()), table=table, bits=frozenset({8}))


def _tuples(colours: NDArray[np.int32]) -> list[Colour]:
    return [(red, green, blue) for red, green, blue in colours.tolist()]


def _colours_of_values(codes: Codes) -> dict[int, Colour]:
    """Return the colour of each index, if all files agree and no two indices share one."""
    table = dict(codes.table)
    is_one_to_one = len(codes.table) == len(table) == len(set(table.values()))
    return table if is_one_to_one else {}


def _are_numbers_and_ignored(values: Sequence[int]) -> bool:
    """Whether values are 255 and two or more consecutive numbers from 0 or 1."""
    *numbers, last = values or [0]
    return last == IGNORED and len(numbers) > 1 and numbers in (
        list(range(len(numbers))), list(range(1, len(numbers) + 1))
    )  # fmt: skip


def _entry(name: str, label_id: int, rgb: list[int]) -> dict[str, Any]:
    return {"label_id": label_id, "seg_class": name, "mapping_class": name, "rgb": rgb}


def _keys(count: int, palette: list[dict[str, Any]], transform: str) -> dict[str, Any]:
    return {
        f"{_SEGMENT}.num_classes": count,
        f"{_SEGMENT}.label_transform": transform,
        f"{_SEGMENT}.palette": palette,
    }


def _line(classes: Sequence[LabelClass], kind: str) -> str:
    names = ", ".join(each.name for each in classes[:_SHOWN])
    more = ", ..." if len(classes) > _SHOWN else ""
    return (
        f"there is no dataset.json: the {len(classes)} {kind} in the masks are the classes "
        f"{names}{more}"
    )
