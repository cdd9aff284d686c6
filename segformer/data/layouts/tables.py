"""Tables of names: rows of CSV, TSV or JSONL, their columns, and the splits that they say."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from segformer.data.layouts.base import TRAIN, VAL
from segformer.data.layouts.names import SPLITS, listed, split_of, text_of
from segformer.data.matching import SUFFIXES

IMAGE_COLUMNS = (
    "image", "images", "image_path", "image_file", "image_filename", "image_name", "img",
    "img_path", "input", "filename", "file_name", "file",
)  # fmt: skip
MASK_COLUMNS = (
    "mask", "masks", "mask_path", "mask_file", "mask_filename", "mask_name", "label", "labels",
    "label_path", "annotation", "annotation_path", "segmentation", "target", "mask_file_name",
    "label_file_name", "segmentation_mask", "segmentation_path",
)  # fmt: skip
SPLIT_COLUMNS = ("split", "subset", "set", "fold")
FLAG_COLUMNS = ("is_valid", "is_val", "is_validation")
"""Columns that say whether a row is of the validation split, as fastai has them."""
_FLAGS = {
    **dict.fromkeys(("true", "1", "1.0", "yes", "t", "y"), VAL),
    **dict.fromkeys(("false", "0", "0.0", "no", "f", "n"), TRAIN),
}
_DELIMITERS = ",;\t|"
_SUFFIXES = (".csv", ".tsv", ".jsonl")
_HEAD = ("image", "mask", "split")
"""The columns of a table without a head."""

Row = Mapping[str, str]


@dataclass(frozen=True)
class Said:
    """The split that each row of a table says, if any, and what is wrong with the others."""

    splits: Sequence[str | None]
    fault: str = ""
    note: str = ""


@dataclass(frozen=True)
class Table:
    """The rows of a file by column; none of a file that is no table."""

    path: Path
    rows: Sequence[Row]
    first_line: int
    """The line of the first row, from 1."""

    @classmethod
    def read(cls, path: Path) -> "Table":
        """Read a table. Comments before its head are passed over.

        One without a head has names of images and of masks, and perhaps splits.
        """
        lines = text_of(path).splitlines()
        if path.suffix.lower() == ".jsonl":
            return cls(path, _rows_of_json(lines), 1)
        above = 0
        while above < len(lines) and _is_no_row(lines[above]):
            above += 1
        lines = lines[above:]
        if not lines:
            return cls(path, [], 1)
        delimiter = max(_DELIMITERS, key=lines[0].count)
        try:
            first = next(csv.reader(lines[:1], delimiter=delimiter, skipinitialspace=True))
            head = _HEAD[: len(first)] if _names_files(first) else None
            rows = list(csv.DictReader(lines, head, delimiter=delimiter, skipinitialspace=True))
        except csv.Error:
            return cls(path, [], 1)
        texts = [{str(k): v or "" for k, v in r.items() if isinstance(v, str)} for r in rows]
        return cls(path, texts, above + (1 if head else 2))

    def column(self, names: Sequence[str]) -> str | None:
        """Return the column that has the first of some names, in any case."""
        columns = {column.strip().lower(): column for column in (self.rows[0] if self.rows else ())}
        return next((columns[name] for name in names if name in columns), None)

    def cells(self, column: str) -> Iterator[str]:
        """Yield what each row has in a column, without the space around it."""
        return (row.get(column, "").strip() for row in self.rows)

    def said(self) -> Said:
        """Return the split of each row, by a column of splits or of flags."""
        column, flag = self.column(SPLIT_COLUMNS), self.column(FLAG_COLUMNS)
        if column is None:
            return self._flagged(flag)
        words = list(self.cells(column))
        splits = [split_of(word) for word in words]
        unknown = {word for word, split in zip(words, splits, strict=True) if word and not split}
        note = f"{self.path}: the column {flag} is passed over, since there is {column}"
        if not unknown:
            return Said(splits, note=note if flag else "")
        line = f"{self.path}: {listed(sorted(unknown))} in the column {column} are no splits"
        if column.strip().lower() != SPLIT_COLUMNS[0] and not any(splits):  # As folds, or places.
            return Said(splits, note=line)
        allowed = ", ".join(SPLITS)
        way_out = f"use {allowed}, or rename the column if it says something else"
        return Said(splits, fault=f"{line}; {way_out}")

    def _flagged(self, flag: str | None) -> Said:
        if flag is None:
            return Said([None] * len(self.rows))
        words = [word.lower() for word in self.cells(flag)]
        unknown = sorted({word for word in words if word not in _FLAGS})
        line = f"{self.path}: {listed(map(repr, unknown))} in the column {flag}: use true or false"
        return Said([_FLAGS.get(word) for word in words], fault=line if unknown else "")


def tables_in(folder: Path, *columns: Sequence[str]) -> list[Table]:
    """Return the tables of a folder that have a column of each kind."""
    paths = (p for p in sorted(folder.iterdir()) if p.suffix.lower() in _SUFFIXES and p.is_file())
    tables = map(Table.read, paths)
    return [table for table in tables if all(table.column(names) for names in columns)]


def _is_no_row(line: str) -> bool:
    """Whether a line before the head is empty, a comment, or Excel's word for its delimiter."""
    return not line.strip() or line.startswith("#") or line.lower().startswith("sep=")


def _names_files(cells: Sequence[str]) -> bool:
    """Whether the first line of a table names two files already, where a head is expected."""
    return len(cells) > 1 and all(c.strip().lower().endswith(SUFFIXES) for c in cells[:2])


def _rows_of_json(lines: Sequence[str]) -> list[Row]:
    """Return the texts of objects, one a line; none if a line is no object."""
    try:
        objects = [json.loads(line) for line in lines if line.strip()]
    except ValueError:
        return []
    if not all(isinstance(each, Mapping) for each in objects):
        return []
    return [{str(k): v for k, v in each.items() if isinstance(v, str)} for each in objects]
