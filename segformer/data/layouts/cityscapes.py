"""Cityscapes: leftImg8bit/<split>/<city> and gtFine (or gtCoarse), as labelIds or trainIds."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from segformer.data.layouts.base import TEST, TRAIN, DataSet, LabelClass, Part
from segformer.data.layouts.names import files_below, has_images, split_folders
from segformer.data.pairs import Pair, is_image_file
from segformer.errors import DataError

_IMAGES, _FINE, _COARSE = "leftImg8bit", "gtFine", "gtCoarse"
_TRAIN_IDS, _IDS = "labelTrainIds", "labelIds"
_CLASSES = {
    "road": 7, "sidewalk": 8, "building": 11, "wall": 12, "fence": 13, "pole": 17,
    "traffic light": 19, "traffic sign": 20, "vegetation": 21, "terrain": 22, "sky": 23,
    "person": 24, "rider": 25, "car": 26, "truck": 27, "bus": 28, "train": 31, "motorcycle": 32,
    "bicycle": 33,
}  # fmt: skip
"""The 19 classes that are scored, in order of trainId, with their label ids."""
_LARGEST_ID = 33
_SAMPLED = 8
_MOST_IGNORED = 0.5
"""Of Cityscapes, an eighth does not count; in other data laid out so, ids may mean other things."""


class Cityscapes:
    """labelTrainIds if every image has them, else labelIds, of which 19 classes are scored."""

    name, title = "cityscapes", "Cityscapes"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the training folders; see `Layout.parts`."""
        return [
            Part(f"{kind}/train/<city>/", _has_training(root, kind))
            for kind in (_IMAGES, _kind_of_masks(root))
        ]

    def read(self, root: Path) -> DataSet:
        """Read train and val; the masks of test are not public."""
        kind = _kind_of_masks(root)
        images_folder, masks_folder = (_folder(root, each) or root for each in (_IMAGES, kind))
        folders = split_folders(images_folder)
        notes = [] if kind == _FINE else [f"{masks_folder}: is used, since there is no {_FINE}"]
        if test := folders.pop(TEST, None):
            notes.append(f"{test}: is left out: its masks are not public")
        images = {
            split: [path for path in files_below(folder) if is_image_file(path)]
            for split, folder in folders.items()
        }

        def _mask(image: Path, end: str) -> Path:
            folder = masks_folder / image.parent.relative_to(images_folder)
            return folder / f"{image.stem.removesuffix(f'_{_IMAGES}')}_{kind}_{end}.png"

        every = [path for paths in images.values() for path in paths]
        has_train_ids = all(_mask(path, _TRAIN_IDS).is_file() for path in every)
        end = _TRAIN_IDS if has_train_ids else _IDS
        splits = {
            split: [Pair(p.stem, p, _mask(p, end)) for p in paths if _mask(p, end).is_file()]
            for split, paths in images.items()
        }
        absent = [path for path in every if not _mask(path, end).is_file()]
        faults = [f"{path}: has no partner {_mask(path, end)}" for path in absent]
        pairs = [pair for of_split in splits.values() for pair in of_split]
        if not has_train_ids and (share := _ignored_share(pairs)) > _MOST_IGNORED:
            notes.append(
                f"{masks_folder}: the ids of Cityscapes' classes are not used, since {share:.0%} of"
                " the pixels have none of them"
            )
            return DataSet(splits, faults=faults, notes=notes)
        classes = [
            LabelClass(name, number if has_train_ids else label_id)
            for number, (name, label_id) in enumerate(_CLASSES.items())
        ]
        others = set() if has_train_ids else set(range(_LARGEST_ID + 1)) - set(_CLASSES.values())
        ignored = [LabelClass("ignored", value) for value in sorted(others)]
        return DataSet(splits, classes=classes, ignored=ignored, faults=faults, notes=notes)


def _ignored_share(pairs: Sequence[Pair]) -> float:
    """Return the share of pixels, of some masks from all over, that have the id of no class."""
    ids, counted, every = [*_CLASSES.values()], 0, 0
    for pair in pairs[:: max(1, len(pairs) // _SAMPLED)]:
        try:
            values = pair.read_mask().values
        except DataError:
            continue  # The check names it.
        counted += int(np.isin(values, ids).sum())
        every += values.size
    return 1 - counted / every if every else 0.0


def _kind_of_masks(root: Path) -> str:
    """Return gtFine, unless there is gtCoarse alone."""
    is_coarse = _has_training(root, _COARSE) and not _has_training(root, _FINE)
    return _COARSE if is_coarse else _FINE


def _has_training(root: Path, kind: str) -> bool:
    folder = _folder(root, kind)
    return folder is not None and has_images(folder / TRAIN)


def _folder(root: Path, kind: str) -> Path | None:
    """Return leftImg8bit, gtFine or gtCoarse, in the root or as the archives unpack."""
    places = (root / kind, root / f"{kind}_trainvaltest" / kind)
    return next((path for path in places if path.is_dir()), None)
