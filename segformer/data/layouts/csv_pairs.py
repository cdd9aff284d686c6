"""A CSV of pairs: columns image and mask, and split if it likes."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from segformer.data.layouts.base import UNSPLIT, DataSet, Part
from segformer.data.layouts.names import SPLITS
from segformer.data.pairs import Pair

_IMAGE = ("image", "images", "image_path", "img", "img_path", "image_file", "input")
_MASK = ("mask", "masks", "mask_path", "label", "label_path", "annotation", "mask_file", "target")
_SPLIT = ("split", "subset", "set", "fold")


class CsvPairs:
    """Paths are relative to the folder of the CSV, or absolute."""

    name, title = "csv", "a CSV of pairs"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the one CSV file with the columns; see `Layout.parts`."""
        return [Part("one CSV file with the columns image and mask", _file(root) is not None)]

    def read(self, root: Path) -> DataSet:
        """Read the rows."""
        path = _file(root)
        if path is None:
            return DataSet({})
        rows = _rows(path)
        image, mask, split = (_column(rows, names) for names in (_IMAGE, _MASK, _SPLIT))
        splits: dict[str, list[Pair]] = {}
        faults = []
        for number, row in enumerate(rows, start=2):
            pair = Pair(
                Path(row[image or ""]).stem,
                root / row[image or ""].strip(),
                root / row[mask or ""].strip(),
            )
            absent = [p for p in (pair.image, pair.mask) if not p.is_file()]
            faults += [f"{p}: no such file (line {number} of {path.name})" for p in absent]
            name = _split(row[split]) if split else UNSPLIT
            if not absent:
                splits.setdefault(name, []).append(pair)
        return DataSet(splits, faults=faults)


def _file(root: Path) -> Path | None:
    paths = [path for path in sorted(root.glob("*.csv")) if path.is_file()]
    with_columns = [
        path for path in paths
        if (rows := _rows(path)) and _column(rows, _IMAGE) and _column(rows, _MASK)
    ]  # fmt: skip
    return with_columns[0] if len(with_columns) == 1 else None


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        text = file.read()
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    rows = csv.DictReader(text.splitlines(), delimiter=delimiter, skipinitialspace=True)
    return [{str(k): v or "" for k, v in row.items() if isinstance(v, str)} for row in rows]


def _column(rows: Sequence[Mapping[str, str]], names: tuple[str, ...]) -> str | None:
    columns = {column.strip().lower(): column for column in (rows[0] if rows else ())}
    return next((columns[name] for name in names if name in columns), None)


def _split(value: str) -> str:
    value = value.strip().lower()
    return next((split for split, names in SPLITS.items() if value in names), value or UNSPLIT)
