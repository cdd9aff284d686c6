"""Folders of images and masks that dataset.json names, wherever they lie."""

from collections.abc import Sequence
from pathlib import Path

from segformer.data.description import splits_described
from segformer.data.layouts.base import DataSet, Part
from segformer.data.layouts.folders import read_folders


class Described:
    """dataset.json with "splits": the folder of images and of masks of each split."""

    name, title = "described", "the folders that dataset.json names"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the one part; see `Layout.parts`."""
        return [Part('dataset.json with "splits"', bool(splits_described(root)))]

    def read(self, root: Path) -> DataSet:
        """Read every split; its paths begin at the data set, or are absolute."""
        folders = splits_described(root).items()
        return read_folders({s: (root / f["images"], root / f["masks"]) for s, f in folders})
