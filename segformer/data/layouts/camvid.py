"""CamVid: train/ beside trainannot/ (SegNet, or CamVid's colours) or train_labels/ (Kaggle)."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from segformer.data.layouts.base import TRAIN, DataSet, LabelClass, Part
from segformer.data.layouts.class_tables import class_tables
from segformer.data.layouts.folders import read_folders
from segformer.data.layouts.names import split_folders, subfolder
from segformer.data.pairs import Pair
from segformer.errors import DataError

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
        """Read all splits; index masks of *annot/ without a table hold SegNet's 11 classes."""
        folders = {split: (images, _masks(images)) for split, images in split_folders(root).items()}
        data = read_folders(folders)
        is_segnet = any(m is not None and m.name.endswith("annot") for _, m in folders.values())
        if not is_segnet or class_tables(root) or not _holds_segnet(data.splits.get(TRAIN, ())):
            return data
        classes = [LabelClass(name, value) for value, name in enumerate(_SEGNET)]
        return replace(data, classes=classes, ignored=[LabelClass("unlabelled", _UNLABELLED)])


def _holds_segnet(pairs: Sequence[Pair]) -> bool:
    """Whether the first mask that can be read holds SegNet's values, and not CamVid's colours."""
    for pair in pairs:
        try:
            values = pair.read_mask().values
        except DataError:
            continue
        return values.ndim == 2 and int(values.max()) <= _UNLABELLED
    return True


def _masks(images: Path) -> Path | None:
    return subfolder(images.parent, tuple(f"{images.name.lower()}{end}" for end in _ENDINGS))
