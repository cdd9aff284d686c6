"""The palette as a dictionary: the class of each grey value and each colour."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from segformer.spec.sections.dataset import DatasetSegment, PaletteEntry

IGNORED = 255
"""The class id of pixels that never count."""

DOES_NOT_COUNT = -1
"""Class of such pixels in `Palette`: not `IGNORED`, since a mask may hold 255 by mistake."""

_COLOUR = 1 << 32  # Above every grey value of 32 bits.


class Palette:
    """Class ids by code; a code is a grey value, or from 2^32 on a colour (`colour_codes`).

    An entry of three numbers is a colour; if they are equal, it is a grey value too. An entry of
    one number is a grey value; if the palette also has real colours, only such entries are grey
    values. In a palette of nothing but greys v with label_id v, every grey value is its own class.
    """

    def __init__(self, segment: DatasetSegment) -> None:
        self._ignored = segment.ignore_index
        self._count = segment.num_classes
        entries = segment.palette
        self.has_colours = any(len(set(e.rgb)) > 1 for e in entries)
        self.is_mixed = self.has_colours and any(len(e.rgb) == 1 for e in entries)
        """Whether grey values and colours have entries of their own."""
        self.holds_values = bool(entries) and all(len(e.rgb) == 1 for e in entries)
        """Whether the entries are values alone, so that indices of palette files are values too."""
        greys = [e for e in entries if len(set(e.rgb)) == 1]
        self._codes = {
            e.rgb[0]: self._label(e) for e in greys if len(e.rgb) == 1 or not self.is_mixed
        }
        self._codes |= {_code(e.rgb): self._label(e) for e in entries if len(e.rgb) == 3}
        self._only_names = all(e.rgb == [e.label_id] * len(e.rgb) for e in entries)

    def class_of(self, code: int) -> int | None:
        """Return the class id, perhaps beyond num_classes, `DOES_NOT_COUNT`, or None."""
        if code in self._codes:
            return self._codes[code]
        grey = code if code < _COLOUR else _grey_of(code)
        if grey is None:
            return None
        if grey == self._ignored:
            return DOES_NOT_COUNT
        return grey if self._only_names and grey >= 0 else None

    def knows(self, codes: Iterable[int]) -> bool:
        """Whether every code has a class, of those there are, or is ignored."""
        ids = map(self.class_of, codes)
        return all(i is not None and i < self._count for i in ids)

    @staticmethod
    def _label(entry: PaletteEntry) -> int:
        # A label_id is a class id; the ignored value is one of the masks and says nothing of ids.
        return DOES_NOT_COUNT if entry.label_id == IGNORED else entry.label_id


def colour_codes(colours: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the codes of colours (..., 3), of (v, v, v) too."""
    wide = colours.astype(np.int64)
    codes: NDArray[np.int64] = wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]
    return codes + _COLOUR


def written(code: int) -> str:
    """Return a code as people write it: 7, or [128, 0, 64]."""
    grey = code if code < _COLOUR else _grey_of(code)
    return str([code >> 16 & 255, code >> 8 & 255, code & 255] if grey is None else grey)


def _grey_of(code: int) -> int | None:
    red, green, blue = code >> 16 & 255, code >> 8 & 255, code & 255
    return red if red == green == blue else None


def _code(rgb: list[int]) -> int:
    return int(colour_codes(np.array(rgb, dtype=np.int32)))
