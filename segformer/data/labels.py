"""Converts mask values to class ids: label_transform, palette, ignored pixels."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segformer.data.images import LARGEST_VALUE, NO_NUMBER, MaskFile
from segformer.data.palette import DOES_NOT_COUNT, Palette, colour_codes, written
from segformer.data.palette import IGNORED as IGNORED
from segformer.errors import DataError
from segformer.spec.sections.dataset import DatasetSegment, PaletteEntry

COLOURS, GREY, GREY_IN_RGB = "colours", "grey values", "grey values in RGB"

Codes = NDArray[np.int32] | NDArray[np.int64]
_PART = 1 << 22
"""Codes that are sorted at once."""
_SHOWN = 5


@dataclass(frozen=True)
class Labels:
    """Class ids HxW, `IGNORED` for pixels that do not count, and how the file was read."""

    ids: NDArray[np.uint8]
    reading: str
    """`COLOURS`, `GREY`, `GREY_IN_RGB`, or e.g. "1-bit values" for fewer bits than 8."""


def holds_colours(segment: DatasetSegment) -> bool:
    """Whether the palette holds a real colour."""
    return Palette(segment).has_colours


def class_names(segment: DatasetSegment) -> list[str]:
    """Return one name per class id, unique; ``class_<id>`` where the palette has none."""
    entries: dict[int, list[PaletteEntry]] = {}
    for entry in segment.palette:
        entries.setdefault(entry.label_id, []).append(entry)
    names = [_name(entries.get(i, []), i) for i in range(segment.num_classes)]
    counts = Counter(names)
    return [name if counts[name] == 1 else f"{name}_{i}" for i, name in enumerate(names)]


def labels_of(mask: MaskFile, segment: DatasetSegment, *, where: object) -> Labels:
    """Return the class ids of a mask file; the palette is read as `Palette` says.

    A file with a colour table is read by its colours if the palette holds colours, else by its
    indices if the table proves that they are the values. Raises `DataError`, beginning
    with `where`, for values without a class.
    """
    palette = Palette(segment)
    if segment.label_transform == "norm":
        codes, reading = _normed(mask, where)
    else:
        codes, reading = _codes(mask, palette, where)
    parts = _parts(codes)
    values = np.unique(np.concatenate([np.unique(part) for part in parts]))
    ids = {code: palette.class_of(code) for code in values.tolist()}
    ids |= dict.fromkeys(_empty_codes(ids, mask, segment), DOES_NOT_COUNT)
    if faults := list(_faults(ids, segment)):
        raise DataError([f"{where}: {fault}" for fault in faults])
    table = np.array([IGNORED if i == DOES_NOT_COUNT else i for i in ids.values()], dtype=np.uint8)
    found = np.concatenate([table[np.searchsorted(values, part)] for part in parts])
    return Labels(found.reshape(codes.shape), reading)


def _empty_codes(ids: dict[int, int | None], mask: MaskFile, segment: DatasetSegment) -> list[int]:
    """Return the codes that the file marks as no data, unless they are those of a class."""
    if mask.nodata is None:
        return []
    colour = int(colour_codes(np.full(3, mask.nodata, dtype=np.int32)))
    codes = (mask.nodata, colour, NO_NUMBER)
    empty = ((code, ids[code]) for code in codes if code in ids)
    return [code for code, i in empty if i is None or i >= segment.num_classes]


def _parts(codes: Codes) -> list[Codes]:
    """Return all codes in parts: to sort those of a large mask at once takes gigabytes."""
    flat = codes.ravel()
    return [flat[i : i + _PART] for i in range(0, max(flat.size, 1), _PART)]


def _codes(mask: MaskFile, palette: Palette, where: object) -> tuple[Codes, str]:
    """Return one code per pixel, as in `Palette`, and the reading."""
    values = mask.values
    if mask.table is not None:
        return _codes_of_indices(values, mask.table, palette, where)
    if values.ndim == 2:
        return values, f"{mask.bits}-bit values" if mask.bits < 8 else GREY
    if _is_grey(values) and palette.knows(np.unique(values).tolist()):
        return values[..., 0], GREY_IN_RGB
    return colour_codes(values), COLOURS


def _codes_of_indices(
    indices: NDArray[np.int32], table: NDArray[np.int32], palette: Palette, where: object
) -> tuple[Codes, str]:
    used = np.unique(indices)
    if used.max() >= len(table):
        raise DataError(f"{where}: index {used.max()} has no colour in the file's colour table")
    colours = colour_codes(table)
    by_index = indices, GREY
    by_colour = colours[indices], COLOURS
    if palette.has_colours:
        if not palette.is_mixed:
            return by_colour
        shown = colours[used].tolist()
        pairs = [
            (palette.class_of(i), palette.class_of(c))
            for i, c in zip(used.tolist(), shown, strict=True)
        ]
        if all(i is not None and c in (None, i) for i, c in pairs):
            return by_index
        if all(c is not None for _, c in pairs):
            return by_colour
    elif np.array_equal(table[used], _voc_colours(used)):
        return by_index
    elif _is_grey(table[used]) and (
        palette.knows(table[used, 0].tolist()) or not palette.knows(used.tolist())
    ):
        return table[indices, 0], GREY
    elif palette.holds_values and palette.knows(used.tolist()):
        return by_index  # The check looks whether files contradict each other.
    order = ", ".join(f"{i}: {table[i].tolist()}" for i in used[:_SHOWN].tolist())
    raise DataError(
        f"{where}: has a colour table of its own ({order}, ...) that does not agree with "
        "dataset.segment.palette, so that its indices need not be the class values; give the "
        "palette the colours of all classes and of what does not count, or save grey values"
    )


def _normed(mask: MaskFile, where: object) -> tuple[Codes, str]:
    values = mask.values if mask.table is None else mask.table[mask.values]
    if mask.bits < 8:
        values = values * (255 // (2**mask.bits - 1))
    wrong = [v for v in np.unique(values).tolist() if v not in (0, 255, mask.nodata)]
    if wrong:
        raise DataError(
            f"{where}: {_listed(wrong)} neither 0 nor 255, as dataset.segment.label_transform=norm "
            "requires; if masks hold class ids, give dataset.segment.label_transform=None"
        )
    is_empty = values == mask.nodata if mask.nodata not in (None, 0, 255) else False
    values = np.where(is_empty, NO_NUMBER, values // 255)
    if values.ndim == 3 and not _is_grey(values):
        return colour_codes(values), COLOURS
    return values if values.ndim == 2 else values[..., 0], GREY


def _faults(ids: dict[int, int | None], segment: DatasetSegment) -> Iterator[str]:
    strangers = [code for code, i in ids.items() if i is None]
    if strangers:
        is_of_colours = strangers[-1] > LARGEST_VALUE and not holds_colours(segment)
        hint = "; colours of dataset.json are read if every class has one of its own"
        hint = hint if is_of_colours else ""
        yield (
            f"{_listed(strangers)} not in dataset.segment.palette; "
            "give each a label_id there, or dataset.segment.ignore_index if it does not count "
            f'("ignore" in dataset.json){hint}'
        )
    beyond = {c: i for c, i in ids.items() if i is not None and i >= segment.num_classes}
    if beyond:
        yield (
            f"{_listed(list(beyond))} beyond dataset.segment.num_classes={segment.num_classes}"
            f"{_way_out(max(beyond.values()))}"
        )


def _way_out(largest: int) -> str:
    fits = f"{largest + 1} would fit" if largest < IGNORED else f"class ids end at {IGNORED - 1}"
    return f"; {fits}, or give dataset.segment.ignore_index if such pixels do not count"


def _name(entries: list[PaletteEntry], label_id: int) -> str:
    if len(entries) > 1 and entries[0].mapping_class:
        return entries[0].mapping_class
    return entries[0].seg_class if entries else f"class_{label_id}"


def _is_grey(colours: NDArray[np.int32]) -> bool:
    return bool((colours == colours[..., :1]).all())


def _voc_colours(indices: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the colours of PASCAL VOC's table: bits 0, 3, 6 of an index are red's highest, ..."""
    colours = [[sum((i >> (3 * k + c) & 1) << (7 - k) for k in range(3)) for c in range(3)]
               for i in indices.tolist()]  # fmt: skip
    return np.array(colours)


def _listed(codes: list[int]) -> str:
    shown = ", ".join(map(written, codes[:_SHOWN]))
    if len(codes) == 1:
        return f"value {shown} is"
    more = f" and {len(codes) - _SHOWN} more" if len(codes) > _SHOWN else ""
    return f"values {shown}{more} are"
