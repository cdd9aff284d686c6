"""A table of pairs: columns image and mask, and split or is_valid if it likes; or one a split."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from segformer.data.layouts.base import UNSPLIT, DataSet, Part
from segformer.data.layouts.image_files import spellings
from segformer.data.layouts.names import IMAGES, MASKS, split_folders, split_of, subfolder
from segformer.data.layouts.tables import (
    IMAGE_COLUMNS,
    MASK_COLUMNS,
    Table,
    tables_in,
)
from segformer.data.matching import SUFFIXES
from segformer.data.pairs import Pair

_ABSOLUTE = re.compile(r"/|[A-Za-z]:/")


class CsvPairs:
    """Paths are relative to the folder of the table or to its images/ and masks/, or absolute.

    Of an absolute path of another machine, the longest end that is there is read.
    """

    name, title = "csv", "a CSV of pairs"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the CSV with the columns; see `Layout.parts`."""
        return [Part("one CSV or JSONL with the columns image and mask", bool(_tables(root)))]

    def read(self, root: Path) -> DataSet:
        """Read the rows."""
        splits: dict[str, list[Pair]] = {}
        faults: list[str] = []
        notes: list[str] = []
        for table, split in _tables(root):
            path, said = table.path, table.said()
            faults += [said.fault] if said.fault else []
            notes += [said.note] if said.note else []
            moved, seen, twice = "", set(), 0
            columns = [table.column(names) or "" for names in (IMAGE_COLUMNS, MASK_COLUMNS)]
            rows = zip(table.rows, said.splits, strict=True)
            for number, (row, own) in enumerate(rows, start=table.first_line):
                if empty := [column for column in columns if not row.get(column, "").strip()]:
                    faults.append(f"{path}: line {number} has nothing in the column {empty[0]}")
                    continue
                image, mask = (
                    _place(path.parent, row[column], kind)
                    for column, kind in zip(columns, (IMAGES, MASKS), strict=True)
                )
                moved = moved or _is_of_another_machine(row[columns[0]], image)
                absent = [each for each in (image, mask) if not each.is_file()]
                faults += [f"{p}: no such file (line {number} of {path.name})" for p in absent]
                key = own or split, image, mask
                twice += key in seen
                if not absent and key not in seen:
                    splits.setdefault(own or split, []).append(Pair(image.stem, image, mask))
                seen.add(key)
            if twice:
                notes.append(f"{path}: {twice} rows say what others say and are passed over")
            if moved:
                notes.append(f"{path}: names files of another machine ({moved}); those below "
                             f"{path.parent} are read")  # fmt: skip
        return DataSet(splits, faults=faults, notes=notes)


def _place(root: Path, text: str, kind: Sequence[str]) -> Path:
    """Return the file that a cell names, of the root or of its folder for such files."""
    folders = (root, subfolder(root, kind) or root)
    texts = spellings(text)
    texts += [end for each in texts if _ABSOLUTE.match(each) for end in _ends(each)]
    texts += [f"{each}{suffix}" for each in texts for suffix in SUFFIXES]  # A cell may be a stem.
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


def _tables(root: Path) -> list[tuple[Table, str]]:
    """Return the tables with the columns and their splits: one, or one for each split."""
    named = _naming_masks(root)
    if not named:  # As metadata.jsonl in each folder of a split.
        inner = {split: _naming_masks(path) for split, path in split_folders(root).items()}
        return [(tables[0], split) for split, tables in inner.items() if len(tables) == 1]
    if len(named) < 2:
        return [(table, split_of(table.path.stem) or UNSPLIT) for table in named]
    splits = {split_of(table.path.stem): table for table in named}
    if None in splits or len(splits) < len(named):
        return []
    return [(table, split) for split, table in splits.items() if split is not None]


def _naming_masks(folder: Path) -> list[Table]:
    """Return the tables of a folder that name images and masks, and no classes of whole images."""
    tables = tables_in(folder, IMAGE_COLUMNS, MASK_COLUMNS)
    return [table for table in tables if any(_are_files(table, folder))]


def _are_files(table: Table, folder: Path) -> Iterator[bool]:
    """Yield whether each cell for a mask is empty, looks like the name of a file, or is one."""
    for cell in table.cells(table.column(MASK_COLUMNS) or ""):
        looks_so = not cell or "/" in cell or "\\" in cell or cell.lower().endswith(SUFFIXES)
        yield looks_so or _place(folder, cell, MASKS).is_file()
