"""ADE20K's scene parsing benchmark: images/training, annotations/training, 150 classes from 1."""

from collections.abc import Sequence
from pathlib import Path

from segformer.data.layouts.base import TRAIN, DataSet, LabelClass, Part
from segformer.data.layouts.folders import read_folders
from segformer.data.layouts.names import split_folders

_OBJECTS, _SCENES = "objectInfo150.txt", "sceneCategories.txt"
_COUNT = 150


class Ade20k:
    """Value 0 is what no class was given to; it does not count."""

    name, title = "ade20k", "ADE20K (scene parsing)"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the training folders and a file that only ADE20K has; see `Layout.parts`."""
        is_named = any((root / name).is_file() for name in (_OBJECTS, _SCENES))
        return [
            Part(f"{_OBJECTS} or {_SCENES}", is_named or root.name.startswith("ADEChallenge")),
            Part("images/training/", TRAIN in split_folders(root / "images")),
            Part("annotations/training/", TRAIN in split_folders(root / "annotations")),
        ]

    def read(self, root: Path) -> DataSet:
        """Read training and validation."""
        images, masks = (split_folders(root / kind) for kind in ("images", "annotations"))
        folders = {split: (path, masks.get(split)) for split, path in images.items()}
        ignored = [LabelClass("unlabelled", 0)]
        return read_folders(folders, classes=_classes(root / _OBJECTS), ignored=ignored)


def _classes(path: Path) -> list[LabelClass]:
    names = [f"class_{value}" for value in range(1, _COUNT + 1)]
    if path.is_file():
        for line in path.read_text("utf-8-sig").splitlines():
            number, *_, name = line.split("\t")
            if number.strip().isdigit() and 0 < int(number) <= _COUNT:
                # Of several names for one class, "wall, ...", the first is the common one.
                names[int(number) - 1] = name.partition(",")[0].strip()
    unique = [n if names.count(n) == 1 else f"{n}_{i}" for i, n in enumerate(names, start=1)]
    return [LabelClass(name, value) for value, name in enumerate(unique, start=1)]
