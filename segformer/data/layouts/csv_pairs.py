"""A table of pairs: columns image and mask, and split or is_valid if it likes; or one a split."""

import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from segformer.data.layouts.base import TRAIN, UNSPLIT, VAL, DataSet, Part
from segformer.data.layouts.image_files import spellings
from segformer.data.layouts.names import (
    IMAGES,
    MASKS,
    SPLITS,
    listed,
    split_folders,
    split_of,
    subfolder,
    text_of,
)
from segformer.data.pairs import Pair

_IMAGE = (
    "image", "images", "image_path", "image_file", "image_filename", "image_name", "img",
    "img_path", "input", "filename", "file_name", "file",
)  # fmt: skip
_MASK = (
    "mask", "masks", "mask_path", "mask_file", "mask_filename", "mask_name", "label", "labels",
    "label_path", "annotation", "annotation_path", "segmentation", "target", "mask_file_name",
    "label_file_name", "segmentation_mask", "segmentation_path",
)  # fmt: skip
_SPLIT = ("split", "subset", "set", "fold")
_IS_VALID = ("is_valid", "is_val", "is_validation")
"""Columns that say whether a row is of the validation split, as fastai has them."""
_FLAGS = {
    **dict.fromkeys(("true", "1", "1.0", "yes", "t", "y"), VAL),
    **dict.fromkeys(("false", "0", "0.0", "no", "f", "n"), TRAIN),
}
_ABSOLUTE = re.compile(r"/|[A-Za-z]:/")
_DELIMITERS = ",;\t"
_SUFFIXES = (".csv", ".tsv", ".jsonl")

Row = Mapping[str, str]


class CsvPairs:
    """Paths are relative to the folder of the table or to its images/ and masks/, or absolute.

    Of an absolute path of another machine, the longest end that is there is read.
    """

    name, title = "csv", "a CSV of pairs"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the CSV with the columns; see `Layout.parts`."""
        return [Part("one CSV or JSONL with the columns image and mask", bool(_files(root)))]

    def read(self, root: Path) -> DataSet:
        """Read the rows."""
        splits: dict[str, list[Pair]] = {}
        faults: list[str] = []
        notes: list[str] = []
        for path, split in _files(root).items():
            rows = _rows(path)
            said = _said(path, rows)
            faults += [said.fault] if said.fault else []
            notes += [said.note] if said.note else []
            moved = ""
            image, mask = (_column(rows, names) for names in (_IMAGE, _MASK))
            for number, (row, own) in enumerate(zip(rows, said.splits, strict=True), start=2):
                empty = [c for c in (image, mask) if c and not row.get(c, "").strip()]
                if empty:
                    faults.append(f"{path}: line {number} has nothing in the column {empty[0]}")
                    continue
                images, masks = (_place(path.parent, row.get(c or "", ""), kind)
                                 for c, kind in ((image, IMAGES), (mask, MASKS)))  # fmt: skip
                moved = moved or _is_of_another_machine(row.get(image or "", ""), images)
                absent = [each for each in (images, masks) if not each.is_file()]
                faults += [f"{p}: no such file (line {number} of {path.name})" for p in absent]
                if not absent:
                    pair = Pair(images.stem, images, masks)
                    splits.setdefault(own or split, []).append(pair)
            if moved:
                notes.append(f"{path}: names files of another machine ({moved}); those below "
                             f"{path.parent} are read")  # fmt: skip
        return DataSet(splits, faults=faults, notes=notes)


@dataclass(frozen=True)
class _Said:
    """The split that each row of a file says, if any, and what is wrong with the others."""

    splits: Sequence[str | None]
    fault: str = ""
    note: str = ""


def _said(path: Path, rows: Sequence[Row]) -> _Said:
    column, flag = _column(rows, _SPLIT), _column(rows, _IS_VALID)
    if column is None:
        return _flagged(path, rows, flag)
    words = [row.get(column, "").strip() for row in rows]
    splits = [split_of(word) for word in words]
    unknown = {word for word, split in zip(words, splits, strict=True) if word and split is None}
    note = f"{path}: the column {flag} is passed over, since there is {column}" if flag else ""
    if not unknown:
        return _Said(splits, note=note)
    line = f"{path}: {listed(sorted(unknown))} in the column {column} are no splits"
    if column.strip().lower() != _SPLIT[0] and not any(splits):  # As of folds, or of places.
        return _Said(splits, note=line)
    allowed = ", ".join(SPLITS)
    way_out = f"use {allowed}, or rename the column if it says something else"
    return _Said(splits, fault=f"{line}; {way_out}")


def _flagged(path: Path, rows: Sequence[Row], flag: str | None) -> _Said:
    if flag is None:
        return _Said([None] * len(rows))
    words = [row.get(flag, "").strip().lower() for row in rows]
    splits = [_FLAGS.get(word) for word in words]
    unknown = sorted({word for word in words if word not in _FLAGS})
    line = f"{path}: {listed(map(repr, unknown))} in the column {flag}: use true or false"
    return _Said(splits, fault=line if unknown else "")


def _place(root: Path, text: str, kind: Sequence[str]) -> Path:
    """Return the file that a cell names, of the root or of its folder for such files."""
    folders = (root, subfolder(root, kind) or root)
    texts = spellings(text)
    texts += [end for each in texts if _ABSOLUTE.match(each) for end in _ends(each)]
    places = (folder / each for each in texts for folder in folders)
    return next((path for path in places if path.is_file()), root / text.strip())


def _ends(text: str) -> list[str]:
    parts = text.split("/")
    return ["/".join(parts[n:]) for n in range(1, len(parts)) if parts[n]]


def _is_of_another_machine(text: str, place: Path) -> str:
    """Return a path that was found by its end alone, "" for others."""
    is_moved = (
        any(_ABSOLUTE.match(each) and place != Path(each) for each in spellings(text))
        and place.is_file()
    )
    return text.strip() if is_moved else ""


def _files(root: Path) -> dict[Path, str]:
    """Return the tables with the columns and their splits: one, or one for each split."""
    named = _tables(root)
    if not named:  # As metadata.jsonl in each folder of a split.
        inner = {split: _tables(folder) for split, folder in split_folders(root).items()}
        return {tables[0]: split for split, tables in inner.items() if len(tables) == 1}
    if len(named) < 2:
        return {path: split_of(path.stem) or UNSPLIT for path in named}
    splits = {split_of(path.stem): path for path in named}
    if None in splits or len(splits) < len(named):
        return {}
    return {path: split for split, path in splits.items() if split is not None}


def _tables(folder: Path) -> list[Path]:
    """Return the files of a folder that are tables with a column for images and one for masks."""
    paths = (p for p in sorted(folder.iterdir()) if p.suffix.lower() in _SUFFIXES and p.is_file())
    return [
        path for path in paths
        if (rows := _rows(path)) and _column(rows, _IMAGE) and _column(rows, _MASK)
    ]  # fmt: skip


def _rows(path: Path) -> list[Row]:
    text = text_of(path)
    if path.suffix.lower() == ".jsonl":
        return _rows_of_json(text)
    if text.lower().startswith("sep="):  # Excel's word for its delimiter.
        text = text.partition("\n")[2]
    head = text.lstrip().partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    try:
        rows = list(csv.DictReader(text.splitlines(), delimiter=delimiter, skipinitialspace=True))
    except csv.Error:
        return []
    return [{str(k): v or "" for k, v in row.items() if isinstance(v, str)} for row in rows]


def _rows_of_json(text: str) -> list[Row]:
    """Return the texts of objects, one a line; none if a line is no object."""
    try:
        objects = [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError:
        return []
    if not all(isinstance(each, Mapping) for each in objects):
        return []
    return [{str(k): v for k, v in each.items() if isinstance(v, str)} for each in objects]


def _column(rows: Sequence[Row], names: tuple[str, ...]) -> str | None:
    columns = {column.strip().lower(): column for column in (rows[0] if rows else ())}
    return next((columns[name] for name in names if name in columns), None)
