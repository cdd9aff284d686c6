"""A data set as the settings name it: its layout, the pairs of each split, what is held out."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from segformer.data.classes import inferred, spec_keys
from segformer.data.depth import bits_in_use
from segformer.data.description import (
    described,
    description_notes,
    misplaced_notes,
    splits_described,
)
from segformer.data.faults import one_a_cause
from segformer.data.images import WIDE_BITS
from segformer.data.layouts import layout_of
from segformer.data.layouts.base import TEST, TRAIN, UNSPLIT, VAL, DataSet
from segformer.data.layouts.class_tables import class_tables
from segformer.data.layouts.foreign import refusal_of_a_file
from segformer.data.layouts.names import files_below, listed, passed_over_splits, subfolders
from segformer.data.layouts.said_splits import unread_split_files, unread_split_tables
from segformer.data.pairs import Pair, find_pairs, image_files, is_image_file, is_utf8
from segformer.data.split_file import SplitFile, held_out, kept
from segformer.errors import DataError, closest
from segformer.spec.sections.dataset import DatasetSegment
from segformer.storage.staging import FILE_NAME

_SEGMENT = "dataset.segment"
_KINDS = ("images", "masks")
_SAY_CLASSES = ("num_classes", "label_transform", "palette", "ignore_index")
_READS_MASKS = ("train", "evaluate", "quantize")


@dataclass(frozen=True)
class Source:
    """The pairs of a data set by the name of their split, and what is wrong with the rest."""

    splits: Mapping[str, Sequence[Pair]]
    faults: Sequence[str] = ()
    notes: Sequence[str] = ()
    """Lines that say how the folder was read; none for the layout that is documented."""
    held_out: SplitFile | None = None
    """How a data set without a validation split was divided."""

    @property
    def folders(self) -> list[Path]:
        """Return the folders that images and masks lie in."""
        pairs = [pair for pairs in self.splits.values() for pair in pairs]
        paths = [path for p in pairs if p.draw is None for path in (p.image, p.mask)]
        return list(dict.fromkeys(path.parent for path in paths))

    def pairs(self, split: str) -> list[Pair]:
        """Return the pairs of a split; raises `DataError` with every fault."""
        if self.faults:
            raise DataError(one_a_cause(self.faults))
        if split not in self.splits:
            raise DataError(f"there is no split {split}; there are {', '.join(self.splits)}")
        return list(self.splits[split])


def source_of(segment: DatasetSegment, *, is_kept: bool = True) -> Source:
    """Find the pairs of a data set; raises `DataError` for a folder of no known layout.

    images/<split> and masks/<split> are read as they stand. Of other layouts the splits have the
    names train, val and test. If there is no validation split, one is held out (`split_file`);
    with `is_kept` split.json keeps it, and without, nothing is written.
    """
    root = Path(segment.root_dir)
    check_folder(root)
    if _is_standard(root, segment):
        return _standard(root, segment)
    data, title = _read_in_place(root)
    return _with_validation(root, data, title, is_kept=is_kept)


def unused(source: Source, segment: DatasetSegment) -> list[str]:
    """Return lines on what lies in the folder of a data set and is not used."""
    root = Path(segment.root_dir)
    tables = unread_split_tables(root) if _is_standard(root, segment) else []
    return [*tables, *_unused_pictures(root, source)]


def _unused_pictures(root: Path, source: Source) -> list[str]:
    """Return the line on pictures that are in no pair, of folders that no other line is about.

    Files beside masks are left out of it: other forms of the same masks often lie there.
    """
    if source.faults:
        return []
    pairs = [pair for pairs in source.splits.values() for pair in pairs]
    images = {_plain(pair.image) for pair in pairs}
    masks = {_plain(pair.mask) for pair in pairs if pair.draw is None}
    used = images | masks
    beside = {path.parent for path in masks} - {path.parent for path in images}
    pictures = (_plain(path) for path in files_below(root) if is_image_file(path))
    counts = Counter(p.parent for p in pictures if p not in used and p.parent not in beside)
    told = [note.partition(": ")[0] for note in source.notes]
    folders = {
        folder: count
        for folder, count in counts.items()
        if not any(folder.is_relative_to(_plain(each)) for each in told if each != str(root))
    }
    if not folders:
        return []
    shown = listed(f"{n} in {f.relative_to(_plain(root))}/" for f, n in folders.items())
    return [f"{root}: {sum(folders.values())} pictures are in no pair and are not used: {shown}"]


def _plain(path: str | Path) -> Path:
    return Path(os.path.normpath(path))


def check_folder(root: Path) -> None:
    """Raise `DataError` for what is no folder, with what to give instead."""
    if not is_utf8(str(root)):
        raise DataError(f"{ascii(str(root))}: the name of this folder is not UTF-8; rename it")
    if root.is_file():
        raise DataError(refusal_of_a_file(root))
    if not root.is_dir():
        folders = {path.name: str(path) for path in subfolders(root.parent)}
        near = closest(root.name, folders)
        hint = f"; did you mean {folders[near]}?" if near else ""
        raise DataError(f"{root}: no such folder{hint}")


def unsplit_pairs(root: Path) -> Mapping[str, Sequence[Pair]]:
    """Return the pairs of a folder by the splits it has itself; raises `DataError`."""
    check_folder(root)
    segment = DatasetSegment(root_dir=str(root))
    data = _data_set(root, segment)[0] if _is_standard(root, segment) else _read_in_place(root)[0]
    if data.faults:
        raise DataError(one_a_cause(data.faults))
    return data.splits


def _read_in_place(root: Path) -> tuple[DataSet, str]:
    """Return a data set of a layout, and what it is."""
    recognised = layout_of(root)
    data = _with_own_stems(recognised.read(), recognised.root)
    where = "" if recognised.root == root else f" in {recognised.root.relative_to(root)}/"
    title = f"{root}: {recognised.layout.title}{where}"
    return data, title


def _with_own_stems(data: DataSet, root: Path) -> DataSet:
    """Return a data set whose pairs have a stem each in their split: that of another has folders.

    An image that is in several pairs of a split is a fault: nothing says which mask is meant.
    """
    faults, splits = [], {}
    for split, pairs in data.splits.items():
        masks: dict[Path, list[str]] = {}
        for pair in pairs:
            masks.setdefault(pair.image, []).append(pair.mask.name)
        faults += [
            f"{image}: has {len(names)} masks in the {split or 'only'} split "
            f"({listed(dict.fromkeys(names))}), of which one is to be used"
            for image, names in masks.items()
            if len(names) > 1
        ]
        counts = Counter(pair.stem for pair in pairs)
        splits[split] = [
            replace(p, stem=_whole_stem(p.image, root)) if counts[p.stem] > 1 else p for p in pairs
        ]
    return replace(data, splits=splits, faults=[*data.faults, *faults])


def _whole_stem(image: Path, root: Path) -> str:
    relative = image.relative_to(root) if image.is_relative_to(root) else image.relative_to("/")
    return "__".join(relative.with_suffix("").parts)


def images_of(segment: DatasetSegment, split: str) -> list[Path]:
    """Return the images of a split, which in images/<split> need no masks; raises `DataError`."""
    root = Path(segment.root_dir)
    folder = root / "images" / split
    if folder.is_dir():
        return image_files(folder)
    if _is_standard(root, segment):
        raise DataError(f"{folder}: no such folder of images")
    return [pair.image for pair in source_of(segment).pairs(split)]


def layout_settings(
    root: Path, *, action: str, given: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return the settings that layout, masks and images answer, and lines on what was found.

    dataset.json goes before the classes that are found, and `given` before all.
    """
    if not root.is_dir() or not is_utf8(str(root)):
        return {}, []
    segment = DatasetSegment(root_dir=str(root), **_names_of_splits(given))
    try:
        data, folder = _data_set(root, segment)
    except DataError:
        return {}, []  # The check names what is wrong.
    keys: dict[str, Any] = {}
    if TEST in data.splits and not _is_standard(root, segment):
        keys[f"{_SEGMENT}.test_split"] = TEST
    if action not in _READS_MASKS:
        return keys, []
    pairs = [pair for pairs in data.splits.values() for pair in pairs]
    notes = list(description_notes(folder))
    if not (folder / FILE_NAME).exists():
        notes += misplaced_notes(root)
    if folder != root and (folder / FILE_NAME).exists():
        keys |= described(folder, given=given)
    elif f"{_SEGMENT}.num_classes" not in described(root, given={}) and not any(
        f"{_SEGMENT}.{k}" in given for k in _SAY_CLASSES
    ):
        classes, ignored = data.classes, data.ignored
        if not classes:
            tables = class_tables(root, {folder, *(pair.mask.parent for pair in pairs)})
            found = inferred(pairs, tables, known=data.known, ignored=_ignored_values(root))
            classes, ignored = found.classes, [*ignored, *found.ignored]
            notes += [_placed(root, note) for note in found.notes]
        if len(classes) == 1 and not data.faults:
            raise DataError(
                f"{root}: {classes[0].name} is the only class of all masks: nothing can be learned"
            )
        # The faults of the data go before one class, or none, that is left beside them.
        keys |= spec_keys(classes, ignored) if len(classes) > 1 else {}
    if f"{_SEGMENT}.image_bits" not in {**given, **keys}:
        known = {**keys, **described(root, given={}), **given}
        bits = bits_in_use([pair.image for pair in pairs], known.get(f"{_SEGMENT}.bands"))
        if bits < WIDE_BITS:
            keys[f"{_SEGMENT}.image_bits"] = bits
            notes.append(f"{root}: the 16-bit images use {bits} bits: {2**bits - 1} is white")
    return keys, notes


def _ignored_values(root: Path) -> list[int] | None:
    """Return the ignored value that a dataset.json without classes names, if it names any."""
    keys = described(root, given={})
    if f"{_SEGMENT}.ignore_index" not in keys:
        return None
    value = keys[f"{_SEGMENT}.ignore_index"]
    return [] if value is None else [value]


def _placed(root: Path, note: str) -> str:
    """Return a note that begins with the file or the folder that it is about."""
    return note if note.startswith(str(root)) else f"{root}: {note}"


def _data_set(root: Path, segment: DatasetSegment) -> tuple[DataSet, Path]:
    """Return a data set and the folder that has its layout, which may lie within `root`."""
    if _is_standard(root, segment):
        return DataSet(_standard_splits(root, segment)[0]), root
    recognised = layout_of(root)
    return recognised.read(), recognised.root


def _names_of_splits(given: Mapping[str, Any]) -> dict[str, str]:
    names = ("train_split", "validation_split", "test_split")
    values = {name: given.get(f"{_SEGMENT}.{name}") for name in names}
    return {name: value for name, value in values.items() if isinstance(value, str)}


def _is_standard(root: Path, segment: DatasetSegment) -> bool:
    """Whether a folder is images/<split> and masks/<split> under the names of the settings."""
    train, val = segment.train_split, segment.validation_split
    if (train, val) != (TRAIN, VAL):
        return True
    if splits_described(root):
        return False
    has_val = any((root / kind / val).is_dir() for kind in _KINDS)
    return has_val and all((root / kind).is_dir() for kind in _KINDS)


def _standard(root: Path, segment: DatasetSegment) -> Source:
    splits, faults, notes = _standard_splits(root, segment)
    own = (segment.train_split, segment.validation_split) != (TRAIN, VAL)
    notes += [] if own else passed_over_splits(root)
    return Source(splits, faults, [*notes, *unread_split_files(root)])


def _standard_splits(
    root: Path, segment: DatasetSegment
) -> tuple[dict[str, list[Pair]], list[str], list[str]]:
    names = [segment.train_split, segment.validation_split]
    if (root / "images" / segment.test_split).is_dir():
        names.append(segment.test_split)
    splits, faults, notes = {}, [], []
    for name in dict.fromkeys(names):
        pairing = find_pairs(root, name)
        splits[name] = pairing.pairs
        faults += pairing.faults
        notes += [pairing.note] if pairing.note else []
    return splits, faults, notes


def _with_validation(root: Path, data: DataSet, title: str, *, is_kept: bool) -> Source:
    notes = [f"{title} ({_counted(data)})", *data.notes]
    notes += [] if splits_described(root) else passed_over_splits(root)
    if VAL in data.splits and UNSPLIT in data.splits:  # What is not held out is trained on.
        rest = {s: pairs for s, pairs in data.splits.items() if s != UNSPLIT}
        train = [*data.splits.get(TRAIN, ()), *data.splits[UNSPLIT]]
        data = replace(data, splits={**rest, TRAIN: train})
    if VAL in data.splits:
        notes += unread_split_files(root)
    if data.faults or VAL in data.splits or not (data.splits.keys() & {TRAIN, UNSPLIT}):
        return Source(data.splits, data.faults or _empty_splits(root, data.splits), notes)
    pairs = [*data.splits.get(TRAIN, ()), *data.splits.get(UNSPLIT, ())]
    split = held_out(root, pairs)
    if is_kept:
        split = kept(split)
    splits = {**split.applied(pairs, root), **{k: v for k, v in data.splits.items() if k == TEST}}
    notes.append(_held_out_line(root, split, len(pairs)))
    return Source(splits, _empty_splits(root, splits), notes, split)


def _empty_splits(root: Path, splits: Mapping[str, Sequence[Pair]]) -> list[str]:
    empty = [name for name in (TRAIN, VAL) if not splits.get(name)]
    return [f"{root}: the {name} split has no images with masks" for name in empty]


def _held_out_line(root: Path, split: SplitFile, count: int) -> str:
    parts = [f"{len(names)} for {name}" for name, names in split.names.items() if name != TRAIN]
    return (
        f"{root}: there is no validation split: of {count} images {' and '.join(parts)} are held "
        f"out; {split.path} keeps which, automl data split makes another"
        + "".join(f"; {note}" for note in (split.left_out(count), split.note) if note)
    )


def _counted(data: DataSet) -> str:
    return ", ".join(f"{name or 'no split'} {count}" for name, count in data.counts.items())
