"""Lists of the names of each split, beside folders that have no splits: train.txt and val.txt."""

import re
import unicodedata
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from segformer.data.layouts.base import TRAIN, UNSPLIT, DataSet
from segformer.data.layouts.names import MASKS, SPLITS, lines_of, listed, subfolder, subfolders
from segformer.data.matching import SUFFIXES, affixes_of, stem_of, without
from segformer.data.pairs import Pair

_SUFFIX = re.compile(rf"({'|'.join(map(re.escape, SUFFIXES))})$", re.IGNORECASE)
_FOLDERS = ("splits", "split", "imagesets", "lists")


def listed_splits(root: Path, data: DataSet) -> DataSet:
    """Return a data set without splits divided as its lists say, if it has any.

    Pairs that no list names are training pairs, or left out where there is a list of those.
    Lists that name nothing but other things are passed over with a note; some of them are a fault.
    """
    lists = _lists(root)
    pairs = data.splits.get(UNSPLIT, ())
    if not lists or not pairs:
        return data
    if (divided := _by_folder(lists, pairs)) is not None:
        return replace(data, splits=divided)
    by_stem = {stem_of(pair.image): pair for pair in pairs}
    if len(by_stem) < len(pairs):
        return data  # Images of several folders, of which a name may mean any.
    affixes = affixes_of(by_stem)
    names_of = {name: stem for stem in by_stem for name in (without(stem, affixes), stem)}
    stems = {
        split: list(dict.fromkeys(_stem(line, names_of) for line in lines_of(path)))
        for split, path in lists.items()
    }
    absent = [stem for names in stems.values() for stem in names if stem not in by_stem]
    if absent:
        line = f"{len(absent)} names are no image with a mask: {listed(absent)}"
        if len(absent) == sum(map(len, stems.values())):
            return _noted(data, f"{_shown(lists)}: are passed over: {line}")
        fault = f"{_shown(lists)}: {line}; take them out, or add their files"
        return replace(data, faults=[*data.faults, fault])
    splits = {split: [by_stem[stem] for stem in names] for split, names in stems.items()}
    every = {stem for names in stems.values() for stem in names}
    rest = [pair for stem, pair in by_stem.items() if stem not in every]
    if rest and TRAIN in splits:
        note = f"{_shown(lists)}: {len(rest)} images are in no list and are left out"
        return _noted(replace(data, splits=splits), note)
    return replace(data, splits={**({TRAIN: rest} if rest else {}), **splits})


def _by_folder(lists: Mapping[str, Path], pairs: Sequence[Pair]) -> dict[str, list[Pair]] | None:
    """Return the pairs by split if the lists name folders of images, as of videos; else None."""
    by_folder: dict[str, list[Pair]] = {}
    for pair in pairs:
        by_folder.setdefault(pair.image.parent.name, []).append(pair)
    names = {split: lines_of(path) for split, path in lists.items()}
    every = {name for of_split in names.values() for name in of_split}
    if not every or not every <= by_folder.keys():
        return None
    return {split: [p for name in of_split for p in by_folder[name]]
            for split, of_split in names.items()}  # fmt: skip


def _stem(line: str, names_of: Mapping[str, str]) -> str:
    name = stem_in_list(line, names_of)
    return names_of.get(name, name)


def stem_in_list(line: str, known: Container[str]) -> str:
    """Return what a line of a list names: a stem that is known, else what it seems to be.

    Names may have a suffix and folders, and after them a tab or spaces and something else.
    """
    names = [line.partition("\t")[0].strip(), line.split()[0]]
    whole = [_bare(name.replace("\\", "/")) for name in names]
    stems = [*whole, *(name.rpartition("/")[2] for name in whole)]
    return next((stem for stem in stems if stem in known), stems[-2])


def _bare(name: str) -> str:
    """Return a name less its suffix, if that is one of images: 1.5 is a whole stem."""
    return unicodedata.normalize("NFC", re.sub(_SUFFIX, "", name))


def _lists(root: Path) -> Mapping[str, Path]:
    """Return the list of each split, of the root or of a folder for them or for masks.

    trainval is none: what no list names is for training.
    """
    names = (*((name,) for name in _FOLDERS), MASKS)
    folders = [root, *(folder for each in names if (folder := subfolder(root, each)))]
    # As ImageSets/2017, if there is no other year.
    folders += [f for each in folders[1:] if len(inner := subfolders(each)) == 1 for f in inner]
    for folder in folders:
        paths = {p.stem.lower(): p for p in sorted(folder.glob("*.txt")) if p.is_file()}
        found = {
            split: paths[name]
            for split, names in SPLITS.items() for name in names if name in paths
        }  # fmt: skip
        if found:
            return found
    return {}


def _shown(lists: Mapping[str, Path]) -> str:
    return ", ".join(str(path) for path in lists.values())


def _noted(data: DataSet, note: str) -> DataSet:
    return replace(data, notes=[*data.notes, note])
