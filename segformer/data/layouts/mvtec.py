"""Defects: MVTec AD's test/<defect> and ground_truth/<defect>, VisA's Images and Masks.

Images without a defect have no mask: theirs is drawn, and empty.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segformer.data.images import image_size
from segformer.data.layouts.base import UNSPLIT, DataSet, Part
from segformer.data.layouts.names import subfolder, subfolders
from segformer.data.pairs import Pair, image_files, pairs_in

_GOOD = ("good", "normal")


class MvTec:
    """Images of each defect beside their masks, and images of good parts."""

    name, title = "mvtec", "MVTec AD or VisA"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the folders of images and of masks; see `Layout.parts`."""
        defects, good = self._folders(root)
        return [
            Part("good images (train/good, or Data/Images/Normal)", bool(good)),
            Part("ground_truth/<defect> (or Data/Masks/Anomaly)", bool(defects)),
        ]

    def read(self, root: Path) -> DataSet:
        """Read all of them as one: none of the training images has a defect."""
        defects, good = self._folders(root)
        pairings = [pairs_in(images, masks) for images, masks in defects]
        pairs = [pair for each in pairings for pair in each.pairs]
        empty = [Pair(p.stem, p, p, partial(_empty, p)) for f in good for p in image_files(f)]
        return DataSet(
            {UNSPLIT: [*pairs, *empty]},
            faults=[fault for each in pairings for fault in each.faults],
            notes=[f"{root}: {len(empty)} images without a defect have no mask: all is background"],
        )

    def _folders(self, root: Path) -> tuple[list[tuple[Path, Path]], list[Path]]:
        """Return the folders of images and masks of each defect, and those of good images."""
        train, test = subfolder(root, ["train"]), subfolder(root, ["test"])
        masks = subfolder(root, ["ground_truth"])
        if not (train and test and masks) and (data := subfolder(root, ["data"])):
            train, test, masks = None, subfolder(data, ["images"]), subfolder(data, ["masks"])
        if test is None or masks is None:
            return [], []
        of_masks = [f for f in subfolders(masks) if f.name.lower() not in _GOOD and image_files(f)]
        defects = [(test / folder.name, folder) for folder in of_masks]
        good = [subfolder(folder, _GOOD) for folder in (train, test) if folder]
        return defects, [folder for folder in good if folder]


def _empty(image: Path) -> NDArray[np.uint8]:
    return np.zeros(image_size(image), np.uint8)
