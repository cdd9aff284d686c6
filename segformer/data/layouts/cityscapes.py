"""Cityscapes: leftImg8bit/<split>/<city> and gtFine/<split>/<city>, as labelIds or trainIds."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from segformer.data.layouts.base import TEST, TRAIN, DataSet, LabelClass, Part
from segformer.data.layouts.names import split_folders, subfolders
from segformer.data.pairs import Pair, image_files

_IMAGES, _MASKS = "leftImg8bit", "gtFine"
_IMAGE_END, _TRAIN_IDS, _IDS = "_leftImg8bit", "_gtFine_labelTrainIds", "_gtFine_labelIds"
_CLASSES = {
    "road": 7, "sidewalk": 8, "building": 11, "wall": 12, "fence": 13, "pole": 17,
    "traffic light": 19, "traffic sign": 20, "vegetation": 21, "terrain": 22, "sky": 23,
    "person": 24, "rider": 25, "car": 26, "truck": 27, "bus": 28, "train": 31, "motorcycle": 32,
    "bicycle": 33,
}  # fmt: skip
"""The 19 classes that are scored, in order of trainId, with their label ids."""
_LARGEST_ID = 33


class Cityscapes:
    """labelTrainIds if every image has them, else labelIds, of which 19 classes are scored."""

    name, title = "cityscapes", "Cityscapes"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the training folders; see `Layout.parts`."""
        folders = (root / kind / TRAIN for kind in (_IMAGES, _MASKS))
        return [
            Part(f"{kind}/train/<city>/", bool(subfolders(folder)))
            for kind, folder in zip((_IMAGES, _MASKS), folders, strict=True)
        ]

    def read(self, root: Path) -> DataSet:
        """Read train and val; the masks of test are not public."""
        folders = split_folders(root / _IMAGES)
        notes = []
        if folders.pop(TEST, None):
            notes.append(f"{root / _IMAGES / TEST}: is left out: its masks are not public")
        images = {
            split: [path for city in subfolders(folder) for path in image_files(city)]
            for split, folder in folders.items()
        }
        every = [path for paths in images.values() for path in paths]
        has_train_ids = all(_mask(path, _TRAIN_IDS).is_file() for path in every)
        end = _TRAIN_IDS if has_train_ids else _IDS
        splits = {split: list(_pairs(paths, end)) for split, paths in images.items()}
        absent = [path for path in every if not _mask(path, end).is_file()]
        faults = [f"{path}: has no partner {_mask(path, end)}" for path in absent]
        classes = [
            LabelClass(name, number if has_train_ids else label_id)
            for number, (name, label_id) in enumerate(_CLASSES.items())
        ]
        others = set() if has_train_ids else set(range(_LARGEST_ID + 1)) - set(_CLASSES.values())
        ignored = [LabelClass("ignored", value) for value in sorted(others)]
        return DataSet(splits, classes=classes, ignored=ignored, faults=faults, notes=notes)


def _pairs(images: Iterable[Path], end: str) -> Iterable[Pair]:
    return (Pair(p.stem, p, _mask(p, end)) for p in images if _mask(p, end).is_file())


def _mask(image: Path, end: str) -> Path:
    city, split = image.parent, image.parents[1]
    folder = split.parent.parent / _MASKS / split.name / city.name
    return folder / f"{image.stem.removesuffix(_IMAGE_END)}{end}.png"
