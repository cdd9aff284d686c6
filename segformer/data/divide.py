"""Divides the images of a folder into splits, as `automl data split` asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from segformer.data.holdout import By
from segformer.data.layouts.base import TEST, TRAIN, VAL
from segformer.data.pairs import Pair
from segformer.data.source import unsplit_pairs
from segformer.data.split_file import Progress, made
from segformer.errors import DataError


@dataclass(frozen=True)
class SplitReport:
    """The splits that were made, and where they are kept."""

    path: Path
    counts: Mapping[str, int]
    by: str
    seed: int
    is_replaced: bool
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {"file": str(self.path), "counts": dict(self.counts), "by": self.by,
                "seed": self.seed, "replaced": self.is_replaced, "note": self.note}  # fmt: skip

    def text(self) -> str:
        """Return the report as a line for people."""
        counts = ", ".join(f"{name} {count}" for name, count in self.counts.items())
        verb = "replaced" if self.is_replaced else "written"
        line = f"{self.path}: {verb}: {counts} (by {self.by}, seed {self.seed}); no file was moved"
        return f"{line}; {self.note}" if self.note else line


def split_data(
    root: Path,
    *,
    val: float,
    test: float = 0.0,
    by: str = "file",
    seed: int = 0,
    is_strict: bool = False,
    progress: Progress | None = None,
) -> SplitReport:
    """Write split.json, which training reads; the same folder and seed give the same splits.

    Images that show the same stay together; see `split_file.made`. With `is_strict` it is an error
    if they cannot. Raises `DataError`: shares, folders that have these splits, too few groups, a
    folder that cannot be written.
    """
    if by not in get_args(By):
        raise DataError(f"by {by!r}: must be one of {', '.join(get_args(By))}")
    if not (0 < val < 1 and 0 <= test < 1 and val + test < 1):
        raise DataError(
            f"shares of {val:g} for val and {test:g} for test leave nothing to train on"
        )
    splits = unsplit_pairs(root)
    pairs: Sequence[Pair] = [*splits.get(TRAIN, ()), *splits.get("", ())]
    asked = [VAL, TEST] if test else [VAL]
    if present := [split for split in asked if split in splits]:
        raise DataError(f"{root}: has a {present[0]} split already, which training uses")
    chosen: By = next(each for each in get_args(By) if each == by)
    shares = {VAL: val, TEST: test} if test else {VAL: val}
    split = made(root, pairs, shares=shares, by=chosen, seed=seed, progress=progress)
    if is_strict and split.note:
        raise DataError(f"{root}: {split.note}")
    is_replaced = split.path.exists()
    try:
        split.write()
    except OSError as error:
        raise DataError(f"{split.path}: cannot be written ({error.strerror})") from None
    held_out = {name: len(names) for name, names in split.names.items()}
    counts = {TRAIN: len(pairs) - sum(held_out.values()), **held_out}
    return SplitReport(split.path, counts, by, seed, is_replaced, split.note)
