"""From the values of a mask to class ids: label_transform, palette, ignored pixels."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from segformer.errors import DataError
from segformer.spec_dataset import DatasetSegment, PaletteEntry

IGNORED = 255
"""The class id of pixels that never count."""

_SHOWN = 5
_DOES_NOT_COUNT = -1  # Not IGNORED, since a mask may hold 255 by mistake.
_COLOUR = 1 << 32  # Above every grey value, 16-bit and 32-bit ones too.


def holds_colours(segment: DatasetSegment) -> bool:
    """Whether the palette holds a real colour: then a palette file's colours count."""
    return any(len(set(entry.rgb)) > 1 for entry in segment.palette)


def class_names(segment: DatasetSegment) -> list[str]:
    """Return one name per class id, unique; ``class_<id>`` where the palette has none."""
    entries: dict[int, list[PaletteEntry]] = {}
    for entry in segment.palette:
        entries.setdefault(entry.label_id, []).append(entry)
    names = [_name(entries.get(i, []), i) for i in range(segment.num_classes)]
    counts = Counter(names)
    return [name if counts[name] == 1 else f"{name}_{i}" for i, name in enumerate(names)]


def label_ids(
    mask: NDArray[np.int32], segment: DatasetSegment, *, where: object
) -> NDArray[np.uint8]:
    """Return class ids HxW of mask values HxW or HxWx3; `IGNORED` where a pixel does not count.

    A grey value v is the colour (v, v, v). A palette in which every grey v is label_id v only
    names classes: values below num_classes stand for themselves. Any other palette must hold
    every colour. Raises `DataError`, beginning with `where`, for values that are no class.
    """
    if segment.label_transform == "norm":
        mask = _normed(mask, where)
    codes = _codes(mask)
    values, inverse = np.unique(codes, return_inverse=True)
    known = {_code(entry): entry.label_id for entry in segment.palette}
    ids = {code: _id_of(code, known, segment) for code in values.tolist()}
    if faults := list(_faults(ids, segment)):
        raise DataError([f"{where}: {fault}" for fault in faults])
    table = [IGNORED if i == _DOES_NOT_COUNT else i for i in ids.values()]
    return np.array(table, dtype=np.uint8)[inverse].reshape(codes.shape)


def _id_of(code: int, known: dict[int, int], segment: DatasetSegment) -> int | None:
    """Return the class id of a code, perhaps beyond num_classes, or None where it has none."""
    if code in known:
        label_id = known[code]
        return _DOES_NOT_COUNT if label_id in (IGNORED, segment.ignore_index) else label_id
    if code == segment.ignore_index:
        return _DOES_NOT_COUNT
    only_names = all(code == label_id for code, label_id in known.items())
    return code if only_names and 0 <= code < _COLOUR else None


def _faults(ids: dict[int, int | None], segment: DatasetSegment) -> Iterator[str]:
    strangers = [code for code, i in ids.items() if i is None]
    if strangers:
        yield (
            f"{_listed(strangers)} not in dataset.segment.palette; "
            "give each a label_id there, or dataset.segment.ignore_index if it does not count"
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


def _normed(mask: NDArray[np.int32], where: object) -> NDArray[np.int32]:
    wrong = [v for v in np.unique(mask).tolist() if v not in (0, 255)]
    if wrong:
        raise DataError(
            f"{where}: {_listed(wrong)} neither 0 nor 255, as dataset.segment.label_transform=norm "
            "wants; if masks hold class ids, give dataset.segment.label_transform=None"
        )
    return mask // 255


def _codes(mask: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return one number per pixel: v for a grey v, a number from `_COLOUR` on for a colour."""
    if mask.ndim == 2:
        return mask.astype(np.int64)
    red, green, blue = (mask[..., i].astype(np.int64) for i in range(3))
    is_grey = (red == green) & (green == blue)
    return np.where(is_grey, red, _COLOUR + (red << 16 | green << 8 | blue))


def _code(entry: PaletteEntry) -> int:
    colour = entry.rgb * 3 if len(entry.rgb) == 1 else entry.rgb
    return int(_codes(np.array(colour, dtype=np.int32).reshape(1, 1, 3)).item())


def _listed(codes: list[int]) -> str:
    shown = ", ".join(map(_written, codes[:_SHOWN]))
    if len(codes) == 1:
        return f"value {shown} is"
    more = f" and {len(codes) - _SHOWN} more" if len(codes) > _SHOWN else ""
    return f"values {shown}{more} are"


def _written(code: int) -> str:
    if code < _COLOUR:
        return str(code)
    return str([code >> 16 & 255, code >> 8 & 255, code & 255])
