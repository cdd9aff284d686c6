"""A CSV of pairs: columns image and mask, and split if it likes; or one CSV a split."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from segformer.data.layouts.base import UNSPLIT, DataSet, Part
from segformer.data.layouts.image_files import unquoted
from segformer.data.layouts.names import IMAGES, MASKS, listed, split_of, subfolder, text_of
from segformer.data.pairs import Pair

_IMAGE = (
    "image", "images", "image_path", "image_file", "image_filename", "image_name", "img",
    "img_path", "input", "filename", "file_name", "file",
)  # fmt: skip
_MASK = (
    "mask", "masks", "mask_path", "mask_file", "mask_filename", "mask_name", "label", "labels",
    "label_path", "annotation", "annotation_path", "segmentation", "target",
)  # fmt: skip
_SPLIT = ("split", "subset", "set", "fold")
_DELIMITERS = ",;\t"

Row = Mapping[str, str]


class CsvPairs:
    """Paths are relative to the folder of the CSV or to its images/ and masks/, or absolute."""

    name, title = "csv", "a CSV of pairs"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the CSV with the columns; see `Layout.parts`."""
        return [Part("one CSV file with the columns image and mask", bool(_files(root)))]

    def read(self, root: Path) -> DataSet:
        """Read the rows."""
        splits: dict[str, list[Pair]] = {}
        faults: list[str] = []
        unknown: set[str] = set()
        for path, split in _files(root).items():
            unknown |= _read_rows(root, path, split, splits, faults)
        notes = [f"{root}: {listed(sorted(unknown))} in the CSV are no splits"] if unknown else []
        return DataSet(splits, faults=faults, notes=notes)


def _read_rows(
    root: Path, path: Path, split: str, splits: dict[str, list[Pair]], faults: list[str]
) -> set[str]:
    """Read the rows of a file into splits and faults; return the names that are no splits."""
    rows, unknown = _rows(path), set[str]()
    image, mask, column = (_column(rows, names) for names in (_IMAGE, _MASK, _SPLIT))
    for number, row in enumerate(rows, start=2):
        images, masks = (_place(root, row.get(c or "", ""), kind)
                         for c, kind in ((image, IMAGES), (mask, MASKS)))  # fmt: skip
        absent = [each for each in (images, masks) if not each.is_file()]
        faults += [f"{each}: no such file (line {number} of {path.name})" for each in absent]
        if not absent:
            value = row.get(column, "").strip() if column else ""
            name = split if not value else split_of(value) or UNSPLIT
            unknown |= {value} if value and name == UNSPLIT else set()
            splits.setdefault(name, []).append(Pair(images.stem, images, masks))
    return unknown


def _place(root: Path, text: str, kind: Sequence[str]) -> Path:
    """Return the file that a cell names, of the root or of its folder for such files."""
    plain, relative = root / text.strip(), root / unquoted(text)
    folder = subfolder(root, kind) or root
    places = (plain, relative, folder / unquoted(text))
    return next((path for path in places if path.is_file()), plain)


def _files(root: Path) -> dict[Path, str]:
    """Return the CSV files with the columns and their splits: one, or one for each split."""
    paths = [path for path in sorted(root.glob("*.[cCtT][sS][vV]")) if path.is_file()]
    named = [
        path for path in paths
        if (rows := _rows(path)) and _column(rows, _IMAGE) and _column(rows, _MASK)
    ]  # fmt: skip
    if len(named) < 2:
        return {path: split_of(path.stem) or UNSPLIT for path in named}
    splits = {split_of(path.stem): path for path in named}
    if None in splits or len(splits) < len(named):
        return {}
    return {path: split for split, path in splits.items() if split is not None}


def _rows(path: Path) -> list[Row]:
    text = text_of(path)
    if text.lower().startswith("sep="):  # Excel's word for its delimiter.
        text = text.partition("\n")[2]
    head = text.lstrip().partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    try:
        rows = list(csv.DictReader(text.splitlines(), delimiter=delimiter, skipinitialspace=True))
    except csv.Error:
        return []
    return [{str(k): v or "" for k, v in row.items() if isinstance(v, str)} for row in rows]


def _column(rows: Sequence[Row], names: tuple[str, ...]) -> str | None:
    columns = {column.strip().lower(): column for column in (rows[0] if rows else ())}
    return next((columns[name] for name in names if name in columns), None)
