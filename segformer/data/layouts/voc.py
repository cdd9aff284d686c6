"""Pascal VOC: JPEGImages, SegmentationClass, and lists of names in ImageSets/Segmentation."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from segformer.data.layouts.base import TEST, TRAIN, UNSPLIT, VAL, DataSet, LabelClass, Part
from segformer.data.layouts.class_tables import counted, label_map
from segformer.data.layouts.names import SPLITS, files_below, has_images, lines_of, listed
from segformer.data.layouts.split_lists import stem_in_list
from segformer.data.matching import stem_of
from segformer.data.pairs import Pair, is_image_file, pairs_in

_LISTS = Path("ImageSets", "Segmentation")
_TRAIN_VAL = "trainval"
_NAMES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair",
    "cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa",
    "train", "tvmonitor",
)  # fmt: skip
_LABEL_MAP, _CLASS_NAMES = "labelmap.txt", "class_names.txt"
_BORDER = LabelClass("border", 255, (224, 224, 192))
_OF_VOC = re.compile(r"\d{4}_\d{6}$")


class Voc:
    """VOC2012 itself, and what CVAT and labelme2voc export in its layout."""

    name, title = "voc", "Pascal VOC"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the two folders and the lists; see `Layout.parts`."""
        is_exported = any((root / name).is_file() for name in (_LABEL_MAP, _CLASS_NAMES))
        return [
            Part("JPEGImages/", (root / "JPEGImages").is_dir()),
            Part("SegmentationClass/", _masks(root).is_dir()),
            Part("ImageSets/Segmentation/train.txt", is_exported or bool(_lists(root))),
        ]

    def read(self, root: Path) -> DataSet:
        """Read the pairs that the lists name, or all of them if an export has no lists."""
        images, masks = (_Files(folder) for folder in (root / "JPEGImages", _masks(root)))
        splits: dict[str, list[Pair]] = {}
        faults, notes = [*images.faults, *masks.faults], []
        lists = _lists(root)
        if not lists:
            pairing = pairs_in(root / "JPEGImages", _masks(root))
            splits, faults = {UNSPLIT: pairing.pairs}, [*pairing.faults]
        for split, names in lists.items():
            stems = list(dict.fromkeys(stem_in_list(line, images.by_name) for line in names.lines))
            if split == TEST and not any(stem in masks.by_name for stem in stems):
                notes.append(f"{names.path}: is left out: its images have no masks")
                continue
            for files in (images, masks):
                if absent := [stem for stem in stems if stem not in files.by_name]:
                    faults.append(
                        f"{names.path}: {len(absent)} of {len(stems)} names have no file in "
                        f"{files.folder.name}/: {listed(absent)}"
                    )
            both = [s for s in stems if s in images.by_name and s in masks.by_name]
            splits[split] = [
                Pair(images.by_name[s].stem, images.by_name[s], masks.by_name[s])
                for s in sorted(both)
            ]
        classes, ignored = _classes(root, splits)
        return DataSet(splits, classes=classes, ignored=ignored, faults=faults, notes=notes)


def _masks(root: Path) -> Path:
    """Return SegmentationClass, or LabelMe's folder beside it if it holds arrays."""
    folder, beside = (root / f"SegmentationClass{end}" for end in ("", "PNG"))
    return beside if beside.is_dir() and not has_images(folder) else folder


class _Files:
    """The image files of a folder by the name in lists: a stem, or folders and a stem (CVAT)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.by_name: dict[str, Path] = {}
        self.faults: list[str] = []
        for path in filter(is_image_file, files_below(folder)):
            inner = path.parent.relative_to(folder)
            name = (inner / stem_of(path)).as_posix()
            if name in self.by_name:
                self.faults.append(f"{path}: has the same stem as {self.by_name[name].name}")
            self.by_name.setdefault(name, path)


@dataclass(frozen=True)
class _List:
    path: Path
    lines: Sequence[str]


def voc_colour(index: int) -> tuple[int, int, int]:
    """Return a colour of VOC's table: bits 0, 3, 6 of an index are red's highest, ..."""
    red, green, blue = (
        sum((index >> (3 * k + channel) & 1) << (7 - k) for k in range(3)) for channel in range(3)
    )
    return red, green, blue


def _lists(root: Path) -> dict[str, _List]:
    """Return the lists by split; those of other names, as CVAT's default.txt, are no split.

    trainval.txt stands for train.txt if that is missing, less what val.txt has.
    """
    folder = root / _LISTS
    paths = {p.stem.lower(): p for p in sorted(folder.glob("*.txt"))} if folder.is_dir() else {}
    lists = {name: _List(path, lines_of(path)) for name, path in paths.items()}
    by_split = {
        split: lists[name] for split, names in SPLITS.items() for name in names if name in lists
    }
    if TRAIN not in by_split and _TRAIN_VAL in lists:
        held_out = {line for split in (VAL, TEST) if split in by_split
                    for line in by_split[split].lines}  # fmt: skip
        rest = [line for line in lists[_TRAIN_VAL].lines if line not in held_out]
        return {TRAIN: _List(lists[_TRAIN_VAL].path, rest), **by_split}
    if by_split or not lists:
        return by_split
    lines = [line for each in lists.values() for line in each.lines]
    return {UNSPLIT: _List(next(iter(lists.values())).path, lines)}


def _classes(
    root: Path, splits: dict[str, list[Pair]]
) -> tuple[Sequence[LabelClass], Sequence[LabelClass]]:
    """Return what labelmap.txt (CVAT) or class_names.txt (labelme) says, or VOC's own classes."""
    if (path := root / _LABEL_MAP).is_file():
        return counted(label_map(path))
    if (path := root / _CLASS_NAMES).is_file():
        names = [name for name in lines_of(path) if name != "__ignore__"]
        return [LabelClass(n, i, voc_colour(i)) for i, n in enumerate(names)], [_BORDER]
    stems = [pair.stem for pairs in splits.values() for pair in pairs]
    if stems and all(_OF_VOC.match(stem) for stem in stems):
        return [LabelClass(n, i, voc_colour(i)) for i, n in enumerate(_NAMES)], [_BORDER]
    return [], []
