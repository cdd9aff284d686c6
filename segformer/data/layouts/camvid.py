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
_COLOURS = """
    64 128 64 Animal, 192 0 128 Archway, 0 128 192 Bicyclist, 0 128 64 Bridge, 128 0 0 Building,
    64 0 128 Car, 64 0 192 CartLuggagePram, 192 128 64 Child, 192 192 128 Column_Pole,
    64 64 128 Fence, 128 0 192 LaneMkgsDriv, 192 0 64 LaneMkgsNonDriv, 128 128 64 Misc_Text,
    192 0 192 MotorcycleScooter, 128 64 64 OtherMoving, 64 192 128 ParkingBlock,
    64 64 0 Pedestrian, 128 64 128 Road, 128 128 192 RoadShoulder, 0 0 192 Sidewalk,
    192 128 128 SignSymbol, 128 128 128 Sky, 64 128 192 SUVPickupTruck, 0 0 64 TrafficCone,
    0 64 64 TrafficLight, 192 64 128 Train, 128 128 0 Tree, 192 128 192 Truck_Bus, 64 0 64 Tunnel,
    192 192 0 VegetationMisc, 64 192 0 Wall, 255 69 0 RoadMarking, 60 40 222 Pavement, 0 0 0 Void
"""
"""CamVid's label_colors.txt, which many copies lack, and two colours of SegNet's pictures."""


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
        """Read all splits; masks without a table hold SegNet's 11 values or CamVid's colours."""
        folders = {split: (images, _masks(images)) for split, images in split_folders(root).items()}
        data = read_folders(folders)
        if class_tables(root):
            return data
        is_segnet = any(m is not None and m.name.endswith("annot") for _, m in folders.values())
        if not is_segnet or not _holds_segnet(data.splits.get(TRAIN, ())):
            return replace(data, known=_known())
        classes = [LabelClass(name, value) for value, name in enumerate(_SEGNET)]
        return replace(data, classes=classes, ignored=[LabelClass("unlabelled", _UNLABELLED)])


def _known() -> list[LabelClass]:
    classes = []
    for entry in _COLOURS.split(","):
        red, green, blue, name = entry.split()
        classes.append(LabelClass(name, colour=(int(red), int(green), int(blue))))
    return classes


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
