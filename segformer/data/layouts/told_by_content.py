"""Two folders of any names, of which one has pictures and the other masks by what they hold."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segformer.data.images import read_image, read_mask
from segformer.data.layouts.base import TRAIN, UNSPLIT, DataSet, Part
from segformer.data.layouts.folders import read_folders
from segformer.data.layouts.names import SPLITS, holds_no_classes, split_folders, subfolders
from segformer.data.matching import matched
from segformer.data.pairs import image_files
from segformer.errors import DataError

_LOOKED_AT = 3
_MOST_CLASSES = 64
"""More colours than these are a picture."""
_PLACES = np.array([1, 1 << 20, 1 << 40])
"""What the first three samples of a pixel count in a number that no other three have."""


class ToldByContent:
    """X/ and y/, Bilder/ and Masken/, trainA/ and trainB/: files that are named alike."""

    name, title = "content", "two folders of files named alike, pictures and masks by their content"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the two folders; see `Layout.parts`."""
        is_told = bool(self._folders(root).keys() & {TRAIN, UNSPLIT})
        return [Part("two folders of files named alike, of pictures and of masks", is_told)]

    def read(self, root: Path) -> DataSet:
        """Read the folders, or those of each split."""
        folders = self._folders(root)
        data = read_folders(folders)
        notes = [f"{masks}: is taken for the masks of {images.name}/, by what its files hold"
                 for images, masks in folders.values()]  # fmt: skip
        return DataSet(data.splits, faults=data.faults, notes=[*notes, *data.notes])

    def _folders(self, root: Path) -> Mapping[str, tuple[Path, Path]]:
        found = {split: _told_apart(folders) for split, folders in _candidates(root).items()}
        return {split: folders for split, folders in found.items() if folders}


def _candidates(root: Path) -> Mapping[str, list[Path]]:
    """Return the folders of each split: those in its folder, or that begin with its name."""
    if splits := split_folders(root):
        return {split: _of_files(folder) for split, folder in splits.items()}
    begun = {
        split: [p for p in _of_files(root) if p.name.lower().startswith(names)]
        for split, names in SPLITS.items()
    }
    if begun[TRAIN]:
        return begun
    return {UNSPLIT: _of_files(root)}


def _of_files(folder: Path) -> list[Path]:
    return [p for p in subfolders(folder) if not holds_no_classes(p.name) and image_files(p)]


def _told_apart(inner: Sequence[Path]) -> tuple[Path, Path] | None:
    """Return the folders of pictures and of masks, if there are just two and they tell."""
    if len(inner) != 2:
        return None
    files = [image_files(path) for path in inner]
    if len(matched(*files).pairs) < max(map(len, files)):
        return None
    are_masks = [all(map(_is_mask, paths[:_LOOKED_AT])) for paths in files]
    are_pictures = [all(map(_is_picture, paths[:_LOOKED_AT])) for paths in files]
    for images, masks in ((0, 1), (1, 0)):
        if are_pictures[images] and are_masks[masks]:
            return inner[images], inner[masks]
    return None


def _is_mask(path: Path) -> bool:
    try:
        return _colours(read_mask(path).values) <= _MOST_CLASSES
    except DataError:
        return False


def _is_picture(path: Path) -> bool:
    try:
        return _colours(read_image(path, bands="any")) > _MOST_CLASSES
    except DataError:
        return False


def _colours(pixels: NDArray[Any]) -> int:
    """Return how many values or colours there are; as one number each, since rows sort slowly."""
    samples = pixels.reshape(pixels.shape[0] * pixels.shape[1], -1).astype(np.int64)
    return len(np.unique(samples[:, :3] @ _PLACES[: min(samples.shape[1], 3)]))
