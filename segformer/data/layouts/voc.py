"""Pascal VOC: JPEGImages, SegmentationClass, and lists of names in ImageSets/Segmentation."""

import re
from collections.abc import Sequence
from pathlib import Path

from segformer.data.layouts.base import TEST, TRAIN, UNSPLIT, VAL, DataSet, LabelClass, Part
from segformer.data.matching import SUFFIXES, stem_of
from segformer.data.pairs import Pair, image_files, pairs_in

_LISTS = Path("ImageSets", "Segmentation")
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
            Part("SegmentationClass/", (root / "SegmentationClass").is_dir()),
            Part("ImageSets/Segmentation/train.txt", is_exported or bool(_lists(root))),
        ]

    def read(self, root: Path) -> DataSet:
        """Read the pairs that the lists name, or all of them if an export has no lists."""
        images, masks = (
            {stem_of(path): path for path in image_files(root / folder)}
            for folder in ("JPEGImages", "SegmentationClass")
        )
        splits: dict[str, list[Pair]] = {}
        faults, notes = [], []
        lists = _lists(root)
        if not lists:
            pairing = pairs_in(root / "JPEGImages", root / "SegmentationClass")
            splits, faults = {UNSPLIT: pairing.pairs}, pairing.faults
        for split, path in lists.items():
            names = path.read_text(encoding="utf-8-sig").split("\n")
            stems = list(dict.fromkeys(stem for name in names if (stem := _stem(name))))
            if split == TEST and not any(stem in masks for stem in stems):
                notes.append(f"{path}: is left out: its images have no masks")
                continue
            for folder, files in (("JPEGImages", images), ("SegmentationClass", masks)):
                if absent := [stem for stem in stems if stem not in files]:
                    faults.append(
                        f"{path}: {len(absent)} of {len(stems)} names have no file in {folder}/: "
                        f"{', '.join(absent[:3])}"
                    )
            both = [stem for stem in stems if stem in images and stem in masks]
            splits[split] = [Pair(stem, images[stem], masks[stem]) for stem in sorted(both)]
        classes, ignored = _classes(root, splits)
        return DataSet(splits, classes=classes, ignored=ignored, faults=faults, notes=notes)


def voc_colour(index: int) -> tuple[int, int, int]:
    """Return a colour of VOC's table: bits 0, 3, 6 of an index are red's highest, ..."""
    red, green, blue = (
        sum((index >> (3 * k + channel) & 1) << (7 - k) for k in range(3)) for channel in range(3)
    )
    return red, green, blue


def _lists(root: Path) -> dict[str, Path]:
    """Return the lists by split; a list of another name, as CVAT's default.txt, is no split."""
    folder = root / _LISTS
    splits = {split: folder / f"{split}.txt" for split in (TRAIN, VAL, TEST)}
    splits = {split: path for split, path in splits.items() if path.is_file()}
    if splits or not folder.is_dir():
        return splits
    others = sorted(folder.glob("*.txt"))
    return {UNSPLIT: others[0]} if others else {}


def _stem(name: str) -> str:
    """Return a name of a list less its suffix and folder, which some exports write."""
    name = name.strip().split("\t")[0].rpartition("/")[2]
    path = Path(name)
    return stem_of(path if path.suffix.lower() in SUFFIXES else Path(f"{name}.png")) if name else ""


def _classes(
    root: Path, splits: dict[str, list[Pair]]
) -> tuple[Sequence[LabelClass], Sequence[LabelClass]]:
    """Return what labelmap.txt (CVAT) or class_names.txt (labelme) says, or VOC's own classes."""
    if (path := root / _LABEL_MAP).is_file():
        return [each for line in _lines(path) if (each := _of_label_map(line))], []
    if (path := root / _CLASS_NAMES).is_file():
        names = [name for name in _lines(path) if name != "__ignore__"]
        return [LabelClass(n, i, voc_colour(i)) for i, n in enumerate(names)], [_BORDER]
    stems = [pair.stem for pairs in splits.values() for pair in pairs]
    if stems and all(_OF_VOC.match(stem) for stem in stems):
        return [LabelClass(n, i, voc_colour(i)) for i, n in enumerate(_NAMES)], [_BORDER]
    return [], []


def _of_label_map(line: str) -> LabelClass | None:
    """Read ``name:red,green,blue:parts:actions``."""
    name, _, rest = line.partition(":")
    numbers = rest.partition(":")[0].split(",")
    if line.startswith("#") or len(numbers) != 3:
        return None
    red, green, blue = map(int, numbers)
    return LabelClass(name, colour=(red, green, blue))


def _lines(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text("utf-8-sig").splitlines() if line.strip()]
