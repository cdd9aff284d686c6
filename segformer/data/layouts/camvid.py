"""CamVid: train/ beside trainannot/ (SegNet) or train_labels/, with class_dict.csv (Kaggle)."""

import csv
from collections.abc import Sequence
from pathlib import Path

from segformer.data.layouts.base import TRAIN, DataSet, LabelClass, Part
from segformer.data.layouts.folders import read_folders
from segformer.data.layouts.names import split_folders, subfolder

_ENDINGS = ("annot", "_annot", "_labels", "_label", "_masks", "_mask", "_gt")
_SEGNET = ("sky", "building", "pole", "road", "pavement", "tree", "signsymbol", "fence", "car",
           "pedestrian", "bicyclist")  # fmt: skip
_UNLABELLED = 11


class CamVid:
    """Folders of images, each beside a folder of masks of the same name and an ending."""

    name, title = "camvid", "CamVid"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the training folders; see `Layout.parts`."""
        images = split_folders(root).get(TRAIN)
        masks = _masks(images) if images else None
        return [
            Part("train/", images is not None),
            Part("trainannot/ (or train_labels/, train_masks/)", masks is not None),
        ]

    def read(self, root: Path) -> DataSet:
        """Read all splits; classes are those of class_dict.csv, or SegNet's 11 for *annot/."""
        folders = {split: (images, _masks(images)) for split, images in split_folders(root).items()}
        classes, ignored = _classes(root / "class_dict.csv")
        is_segnet = any(m is not None and m.name.endswith("annot") for _, m in folders.values())
        if not classes and is_segnet:
            classes = [LabelClass(name, value) for value, name in enumerate(_SEGNET)]
            ignored = [LabelClass("unlabelled", _UNLABELLED)]
        return read_folders(folders, classes=classes, ignored=ignored)


def _masks(images: Path) -> Path | None:
    return subfolder(images.parent, tuple(f"{images.name.lower()}{end}" for end in _ENDINGS))


def _classes(path: Path) -> tuple[list[LabelClass], list[LabelClass]]:
    """Read name,r,g,b; void does not count, as everybody who uses the set has it."""
    if not path.is_file():
        return [], []
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, skipinitialspace=True))
    every = [
        LabelClass(row["name"], colour=(int(row["r"]), int(row["g"]), int(row["b"])))
        for row in rows
    ]
    ignored = [each for each in every if each.name.lower() in ("void", "unlabelled", "unlabeled")]
    return [each for each in every if each not in ignored], ignored
