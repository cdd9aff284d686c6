"""What a layout is, and what it reads from a folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from segformer.data.pairs import Pair

TRAIN, VAL, TEST = "train", "val", "test"
UNSPLIT = ""
"""The key of pairs that no split is given for."""

IGNORED = 255
"""The class id of pixels that do not count, in masks that are drawn."""


@dataclass(frozen=True)
class LabelClass:
    """A class as a data set describes it: its value and its colour in the masks, if known."""

    name: str
    value: int | None = None
    colour: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class DataSet:
    """A data set as its layout reads it; nothing but names and annotations has been read yet."""

    splits: Mapping[str, Sequence[Pair]]
    """Pairs by split: `TRAIN`, `VAL`, `TEST`, or all of them as `UNSPLIT`."""
    classes: Sequence[LabelClass] = ()
    """In order of class id; empty if the layout does not say."""
    ignored: Sequence[LabelClass] = ()
    """Values and colours that do not count, besides 255."""
    known: Sequence[LabelClass] = ()
    """Classes by the colours that such sets have: those that masks hold, if they hold no other."""
    faults: Sequence[str] = ()
    notes: Sequence[str] = ()
    """Lines that the user should read although nothing is wrong."""

    @property
    def counts(self) -> dict[str, int]:
        """Return the number of pairs by split."""
        return {name: len(pairs) for name, pairs in self.splits.items()}


@dataclass(frozen=True)
class Part:
    """A file or folder that a layout consists of, as people write it, and whether it exists."""

    name: str
    exists: bool


class Layout(Protocol):
    """One way to lay out a data set."""

    name: str
    """The KIND of `automl data import`."""
    title: str

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the parts of this layout; a folder that has all of them is of this layout."""
        ...

    def read(self, root: Path) -> DataSet:
        """Read a folder that has all parts; faults of its content are returned, not raised."""
        ...
