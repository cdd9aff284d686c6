"""Splits that a layout does not know, as other parts of a data set say them.

That is a table of images and their splits, folders anywhere in the paths of images, or the first
word of each name.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from segformer.data.layouts.base import TRAIN, UNSPLIT, VAL, DataSet
from segformer.data.layouts.names import SPLITS, listed, split_of
from segformer.data.layouts.split_lists import stem_in_list
from segformer.data.layouts.tables import (
    FLAG_COLUMNS,
    IMAGE_COLUMNS,
    SPLIT_COLUMNS,
    tables_in,
)
from segformer.data.matching import stem_of
from segformer.data.pairs import Pair
from segformer.storage.staging import SPLIT_FILE

_NAMES = (*IMAGE_COLUMNS, "image_id", "img_id", "id", "name", "stem")
"""Columns that name images, in a table that names no masks."""
_OTHER_FILE = "splits.json"
_OWN = "the data set has a validation split of its own"
_WORD = re.compile(r"[a-z]+(?=[-_. ])")


def with_said_splits(root: Path, data: DataSet) -> DataSet:
    """Return a data set without splits divided as its table, folders or names say, if they do.

    A split.json goes before them.
    """
    pairs = data.splits.get(UNSPLIT, ())
    if data.splits.keys() != {UNSPLIT} or not pairs or (root / SPLIT_FILE).is_file():
        return data
    if (other := root / _OTHER_FILE).is_file():
        note = f"{other}: is not read: a split is kept in {SPLIT_FILE}"
        data = replace(data, notes=[*data.notes, note])
    if (tabled := _by_table(root, data, pairs)) is not None:
        return tabled
    for splits, where in (
        ([_split_of_folders(pair, root) for pair in pairs], "the folders of images"),
        ([_split_of_name(pair) for pair in pairs], "the first words of names"),
    ):
        if None not in splits and TRAIN in splits and len({*splits}) > 1:
            found = {
                s: [p for p, own in zip(pairs, splits, strict=True) if own == s] for s in SPLITS
            }
            note = f"{root}: {where} say the splits"
            return replace(
                data,
                splits={split: of_split for split, of_split in found.items() if of_split},
                notes=[*data.notes, note],
            )
    return data


def unread_split_files(root: Path) -> list[str]:
    """Return lines on the split files of a data set that has splits without them."""
    paths = (root / name for name in (SPLIT_FILE, _OTHER_FILE))
    return [f"{path}: is not read: {_OWN}" for path in paths if path.is_file()]


def unread_split_tables(root: Path) -> list[str]:
    """Return lines on the tables of splits beside folders that are the splits."""
    tables = tables_in(root, _NAMES, (*SPLIT_COLUMNS, *FLAG_COLUMNS))
    return [f"{table.path}: is not read: {_OWN}" for table in tables]


def _by_table(root: Path, data: DataSet, pairs: Sequence[Pair]) -> DataSet | None:
    """Return a data set as its table of images and splits says, or a table a split; else None.

    Names that no pair has, as of images without masks, are counted in a note; a table of other
    things is passed over.
    """
    by_stem = {stem_of(pair.image): pair for pair in pairs}
    if len(by_stem) < len(pairs):
        return None
    tables = tables_in(root, _NAMES, (*SPLIT_COLUMNS, *FLAG_COLUMNS))
    if len(tables) > 1:
        shown = ", ".join(str(table.path) for table in tables)
        note = f"{shown}: are passed over, since only one of them can say the splits"
        return replace(data, notes=[*data.notes, note])
    if not tables:
        return _by_tables_of_splits(root, data, by_stem)
    table = tables[0]
    said, names = table.said(), list(table.cells(table.column(_NAMES) or ""))
    if said.fault:
        return replace(data, faults=[*data.faults, said.fault])
    stems = [stem_in_list(name, by_stem) if name else "" for name in names]
    if said.note:
        data = replace(data, notes=[*data.notes, said.note])
    if not any(said.splits) or not {*stems} & by_stem.keys():
        return data if said.note else None
    split_by_stem: dict[str, str] = {}
    faults = []
    for stem, split in zip(stems, said.splits, strict=True):
        if stem in by_stem and split and split_by_stem.setdefault(stem, split) != split:
            faults.append(f"{table.path}: {stem} is of {split_by_stem[stem]} and of {split}")
    absent = [name for name, stem in zip(names, stems, strict=True) if stem not in by_stem]
    rest = [stem for stem in by_stem if stem not in split_by_stem]
    notes = [f"{table.path}: says the splits"]
    if absent:
        notes.append(
            f"{table.path}: {len(absent)} names are no image with a mask: {listed(absent)}"
        )
    if rest:
        notes.append(
            f"{table.path}: {len(rest)} images have no split and are left out: {listed(rest)}"
        )
    splits: dict[str, list[Pair]] = {}
    for stem, split in split_by_stem.items():
        splits.setdefault(split, []).append(by_stem[stem])
    return replace(data, splits=splits, faults=[*data.faults, *faults], notes=[*data.notes, *notes])


def _by_tables_of_splits(root: Path, data: DataSet, by_stem: Mapping[str, Pair]) -> DataSet | None:
    """Return a data set as train.csv and val.csv say, which name the images of their split."""
    tables = {split_of(table.path.stem): table for table in tables_in(root, _NAMES)}
    splits = {
        split: [
            by_stem[stem]
            for name in dict.fromkeys(table.cells(table.column(_NAMES) or ""))
            if name and (stem := stem_in_list(name, by_stem)) in by_stem
        ]
        for split, table in tables.items()
        if split
    }
    if not {TRAIN, VAL} <= splits.keys() or not splits[TRAIN] or not splits[VAL]:
        return None
    shown = ", ".join(str(table.path) for split, table in tables.items() if split)
    rest = len(by_stem) - len({pair.image for of_split in splits.values() for pair in of_split})
    left_out = f"; {rest} images are in none of them and are left out" if rest else ""
    found = {split: of_split for split, of_split in splits.items() if of_split}
    return replace(data, splits=found, notes=[*data.notes, f"{shown}: say the splits{left_out}"])


def _split_of_folders(pair: Pair, root: Path) -> str | None:
    """Return the split that the folders of an image below a data set say, if they say just one."""
    if not pair.image.is_relative_to(root):
        return None
    folders = {part.lower() for part in pair.image.relative_to(root).parts[:-1]}
    return _only(split for split, names in SPLITS.items() if folders & {*names})


def _split_of_name(pair: Pair) -> str | None:
    """Return the split that the first word of an image's name is, as in val_017."""
    word = _WORD.match(pair.image.stem.lower())
    return _only(split for split, names in SPLITS.items() if word and word.group() in names)


def _only(splits: Iterable[str]) -> str | None:
    found = list(splits)
    return found[0] if len(found) == 1 else None
