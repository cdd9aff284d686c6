"""The classes of a data set that has no dataset.json: from its layout, or from its masks."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from math import gcd
from os import cpu_count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segformer.data.doubtful import (
    are_of_objects,
    are_stretched,
    rare_line,
    softened_line,
    softened_values_line,
)
from segformer.data.images import MaskFile
from segformer.data.layouts.base import LabelClass
from segformer.data.layouts.class_tables import ClassTable, counted
from segformer.data.pairs import Pair
from segformer.data.palette import IGNORED
from segformer.errors import DataError

_SEGMENT = "dataset.segment"
_MOST_CLASSES = 64
"""More values or colours than these are no classes, but grey pictures or blurred borders."""
_SHOWN = 5
_LARGEST = 255

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
    greys: frozenset[int] = frozenset()
    """Values of masks of three channels whose pixels are all grey."""
    beside_255: frozenset[int] = frozenset()
    """Values of masks that hold 255 too, without 0 and 255."""
    empty: frozenset[int] = frozenset()
    """Those of the values that GeoTIFFs mark as no data."""
    unmarked: frozenset[int] = frozenset()
    """Those of the values that a mask holds without marking them so."""
    pixels: Mapping[int | Colour, int] = field(default_factory=dict)
    """The pixels of each value or colour; of `greys` too, by their value."""
    held: Mapping[frozenset[int], Path] = field(default_factory=dict)
    """The sets of values that masks of grey values hold, with the first mask that holds each."""

    def __or__(self, other: "Codes") -> "Codes":
        return Codes(
            self.values | other.values,
            self.colours | other.colours,
            self.table | other.table,
            self.bits | other.bits,
            self.greys | other.greys,
            self.beside_255 | other.beside_255,
            self.empty | other.empty,
            self.unmarked | other.unmarked,
            Counter(self.pixels) + Counter(other.pixels),
            {**other.held, **self.held},
        )

    def settled(self) -> "Codes":
        """Return the codes with greys of three channels as what the other masks hold.

        A value that some masks hold without a mark is data in the others too.
        """
        empty = self.empty - self.unmarked
        if self.colours:
            greys = frozenset((v, v, v) for v in self.greys)
            return replace(self, colours=self.colours | greys, greys=frozenset(), empty=empty)
        return replace(self, values=self.values | self.greys, greys=frozenset(), empty=empty)

    def without(self, values: Collection[int]) -> "Codes":
        """Return the codes less values that do not count, and the greys that show them."""
        greys = {(value, value, value) for value in values}
        return replace(self, values=self.values - {*values}, colours=self.colours - greys)

    def pixels_of(self, code: int | Colour) -> int:
        """Return the pixels of a value or a colour, with those of greys that show it."""
        is_grey = isinstance(code, tuple) and len(set(code)) == 1
        value = code[0] if isinstance(code, tuple) and is_grey else None
        return self.pixels.get(code, 0) + (0 if value is None else self.pixels.get(value, 0))


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


@dataclass(frozen=True)
class Inferred:
    """The classes and the ignored values that masks hold, and lines that say so."""

    classes: Sequence[LabelClass]
    ignored: Sequence[LabelClass] = ()
    notes: Sequence[str] = ()


def inferred(
    pairs: Iterable[Pair],
    tables: Sequence[ClassTable] = (),
    *,
    known: Sequence[LabelClass] = (),
    ignored: Collection[int] | None = None,
) -> Inferred:
    """Return the classes of masks: those of a table that has all they hold, else what they hold.

    `known` names colours, if it has all of them. `ignored` are the values that do not count, if
    somebody has said so. If not, 255 is ignored if the others are numbers of classes, as 0, 1, 2,
    and so is what GeoTIFFs mark as no data, if two classes are left. Every other value is a class.
    Masks that cannot be read are passed over, since the check names them.
    Raises `DataError` for more values or colours than classes can have.
    """
    codes = Codes()
    with ThreadPoolExecutor(max_workers=min(8, cpu_count() or 1)) as pool:
        for each in pool.map(_codes_of, pairs):
            codes |= each
    codes = codes.settled().without(ignored or ())
    passed_over = []
    for given in tables:
        table = _with_background(codes, given)
        if lacking := _lacking(codes, table):
            some = ", ".join(map(str, lacking[:_SHOWN]))
            passed_over.append(f"{table.path}: is passed over, since masks hold {some} too")
        else:
            return Inferred(
                table.classes,
                table.ignored,
                [f"{table.path}: has the names of the {len(table.classes)} classes"],
            )
    _check_countable(codes)
    if codes.colours and codes.colours <= {each.colour for each in known}:
        classes, void = counted([each for each in known if each.colour in codes.colours])
        return Inferred(classes, void, [*passed_over, _line(classes, "colours")])
    found = _without_table(codes, is_255_a_class=ignored is not None)
    return Inferred(found.classes, found.ignored, [*passed_over, *found.notes])


def _without_table(codes: "Codes", *, is_255_a_class: bool) -> Inferred:
    if codes.colours:
        if line := softened_line({colour: codes.pixels_of(colour) for colour in codes.colours}):
            raise DataError(line)
        classes = [
            LabelClass(f"color_{red}_{green}_{blue}", colour=(red, green, blue))
            for red, green, blue in sorted(codes.colours)
        ]
        return Inferred(classes, notes=[_line(classes, "colours"), *_doubts(classes, codes)])
    values = sorted(codes.values - codes.empty)
    if len(values) < 2:  # Many tools mark the background as no data.
        values = sorted(codes.values)
    if values == [0, 255] and codes.bits <= {1, 8}:
        return Inferred(BINARY)
    if values == [0, 1, IGNORED] and codes.bits <= {1, 8} and not codes.beside_255:
        ones, whites = (
            next((path.name for held, path in codes.held.items() if value in held), "others")
            for value in (1, IGNORED)
        )
        raise DataError(
            f"some masks hold 0 and 1 (as {ones}) and others 0 and 255 (as {whites}), and none all "
            "three, so that 255 seems to be class 1 in some; save all masks in one way"
        )
    if line := softened_values_line({value: codes.pixels_of(value) for value in values}):
        raise DataError(line)
    colours = _colours_of_values(codes)
    is_ignored = not is_255_a_class and (
        colours.get(IGNORED) == _VOC_BORDER or _are_numbers_and_ignored(values)
    )
    ignored = [LabelClass("ignored", IGNORED, colours.get(IGNORED))] if is_ignored else []
    numbers = [value for value in values if not (is_ignored and value == IGNORED)]
    classes = [LabelClass(f"class_{value}", value, colours.get(value)) for value in numbers]
    more = "; 255 does not count" if is_ignored else ""
    doubts = _doubts(classes, codes)
    if not doubts and IGNORED in numbers[2:] and not is_255_a_class:
        doubts = ['255 is a class: if it does not count, write {"ignore": 255} in dataset.json']
    notes = [_line(classes, "values") + more, *doubts] if classes else []
    return Inferred(classes, ignored, notes)


def _doubts(classes: Sequence[LabelClass], codes: "Codes") -> list[str]:
    """Return lines on classes that may be none."""
    by_name = {}
    for each in classes:
        code = each.colour if each.value is None else each.value
        by_name[each.name] = 0 if code is None else codes.pixels_of(code)
    lines = [line] if (line := rare_line(by_name)) else []
    if not codes.colours and are_stretched(codes.held):
        lines.append(
            "the values of each mask are spread evenly from 0 to white, and not those of all masks:"
            " they seem to be stretched one by one, so that one value means other classes in other"
            " masks; save the numbers of the classes as they are"
        )
    if not codes.colours and are_of_objects(codes.held):
        lines.append(
            "the values seem to number the objects of each mask: beside 0, each mask has 1, 2, ... "
            "up to another number, or values of its own; if so, export masks of classes"
        )
    return lines


def _with_background(codes: "Codes", table: ClassTable) -> ClassTable:
    """Return a table that lacks nothing but 0, or black, with the background as its first class."""
    if _lacking(codes, table) not in ([0], [(0, 0, 0)]):
        return table
    has_values = all(each.value is not None for each in table.classes)
    has_colours = all(each.colour is not None for each in table.classes)
    background = LabelClass(
        "background", 0 if has_values else None, (0, 0, 0) if has_colours else None
    )
    return replace(table, classes=[background, *table.classes])


def _lacking(codes: "Codes", table: ClassTable) -> list[Any]:
    """Return what masks hold and a table does not have; by its values, else by its colours."""
    every = [*table.classes, *table.ignored]
    values, colours = {each.value for each in every}, {each.colour for each in every}
    by_value = (
        sorted(codes.values - values - codes.empty)
        if not codes.colours
        else [*sorted(codes.colours)]
    )
    if None not in values and not by_value:
        return []
    shown = {colour for _, colour in codes.table} if codes.table else set()
    greys = set() if codes.table else {(v, v, v) for v in codes.values}
    by_colour = sorted((codes.colours | shown | greys) - colours)
    return by_colour if None not in colours else by_value


def _check_countable(codes: "Codes") -> None:
    if codes.values and codes.colours:
        raise DataError(
            "some masks hold colours and others values, and no dataset.json says which mean "
            "the same"
        )
    numbers = sorted(codes.values - codes.empty)
    if numbers and not 0 <= numbers[0] <= numbers[-1] <= _LARGEST:
        strange = next(v for v in numbers if not 0 <= v <= _LARGEST)
        if strange < 0:
            raise DataError(
                f"masks hold the value {strange}; class values are 0 to {_LARGEST}: save what does "
                "not count as 255"
            )
        step = gcd(*numbers)
        of_classes = f", and if they are classes times {step}, divide them by it" * (step > 1)
        raise DataError(
            f"masks hold the value {strange}; class values are 0 to {_LARGEST}: if these are "
            f"numbers of objects, export masks of classes{of_classes}"
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
        return _codes(pair.read_mask(), pair.mask)
    except DataError:
        return Codes()


def _codes(mask: MaskFile, where: Path) -> Codes:
    values = mask.values
    if values.ndim == 3 and not (values == values[..., :1]).all():
        colours = _colours_in(values)
        return Codes(colours=frozenset(colours), pixels=dict(colours.items()))
    used, counts = np.unique(values if values.ndim == 2 else values[..., 0], return_counts=True)
    pixels = dict(zip(used.tolist(), counts.tolist(), strict=True))
    held = frozenset(pixels)
    if values.ndim == 3:
        return Codes(bits=frozenset({mask.bits}), greys=held, pixels=pixels)
    if mask.table is None or used.max() >= len(mask.table):
        beside = held - {0, IGNORED} if IGNORED in held else frozenset()
        empty = frozenset() if mask.nodata is None else frozenset({mask.nodata})
        bits = frozenset({mask.bits})
        return Codes(
            held, bits=bits, beside_255=beside, empty=empty, unmarked=held - empty, pixels=pixels,
            held={held: where},
        )  # fmt: skip
    colours_used = mask.table[used]
    if (colours_used == colours_used[:, :1]).all():  # The table says which grey an index means.
        shown: Counter[int | Colour] = Counter()
        for grey, count in zip(colours_used[:, 0].tolist(), counts.tolist(), strict=True):
            shown[grey] += count
        greys = frozenset(colours_used[:, 0].tolist())
        return Codes(greys, bits=frozenset({8}), pixels=shown, held={greys: where})
    table = frozenset(zip(used.tolist(), _tuples(colours_used), strict=True))
    return Codes(held, table=table, bits=frozenset({8}), pixels=pixels)


def _colours_in(values: NDArray[np.int32]) -> dict[Colour, int]:
    """Return the pixels of each colour of HxWx3; as one number each: numpy sorts rows slowly."""
    codes = values[..., 0] << 16 | values[..., 1] << 8 | values[..., 2]
    packed, counts = np.unique(codes, return_counts=True)
    return {
        (code >> 16 & 255, code >> 8 & 255, code & 255): count
        for code, count in zip(packed.tolist(), counts.tolist(), strict=True)
    }


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
        f"no dataset.json names classes: the {len(classes)} {kind} in the masks are the classes "
        f"{names}{more}"
    )
