"""Layouts of folders of images and folders of masks, by the names and splits of the folders."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from segformer.data.layouts.base import TRAIN, UNSPLIT, DataSet, LabelClass, Part
from segformer.data.layouts.names import IMAGES, MASKS, SPLITS, split_folders, subfolder
from segformer.data.pairs import image_files, pairs_in

Folders = Mapping[str, tuple[Path | None, Path | None]]


class KindSplit:
    """images/train and masks/train; MMSegmentation's img_dir/train and ann_dir/train."""

    name, title = "folders", "images/<split> and masks/<split>"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the training folders; see `Layout.parts`."""
        images, masks = self._folders(root).get(TRAIN, (None, None))
        return _parts(images, masks, "images/train", "masks/train (or labels, annotations, ...)")

    def read(self, root: Path) -> DataSet:
        """Read every split that has images."""
        return read_folders(self._folders(root))

    def _folders(self, root: Path) -> Folders:
        images, masks = subfolder(root, IMAGES), subfolder(root, MASKS)
        image_splits = split_folders(images) if images else {}
        mask_splits = split_folders(masks) if masks else {}
        return {
            split: (image_splits.get(split), mask_splits.get(split))
            for split in SPLITS
            if split in image_splits or split in mask_splits
        }


class SplitKind:
    """train/images and train/masks."""

    name, title = "splits", "<split>/images and <split>/masks"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the training folders; see `Layout.parts`."""
        images, masks = self._folders(root).get(TRAIN, (None, None))
        return _parts(images, masks, "train/images", "train/masks (or labels, annotations, ...)")

    def read(self, root: Path) -> DataSet:
        """Read every split that has images."""
        return read_folders(self._folders(root))

    def _folders(self, root: Path) -> Folders:
        splits = split_folders(root).items()
        pairs = {split: (subfolder(f, IMAGES), subfolder(f, MASKS)) for split, f in splits}
        return {split: folders for split, folders in pairs.items() if any(folders)}


class Unsplit:
    """images and masks without splits."""

    name, title = "unsplit", "images and masks, no splits"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the two folders, if files lie in them; see `Layout.parts`."""
        images, masks = (_with_files(subfolder(root, names)) for names in (IMAGES, MASKS))
        return _parts(images, masks, "images/", "masks/ (or labels, annotations, ...)")

    def read(self, root: Path) -> DataSet:
        """Read all pairs as one."""
        return read_folders({UNSPLIT: (subfolder(root, IMAGES), subfolder(root, MASKS))})


def read_folders(
    folders: Folders,
    *,
    classes: Sequence[LabelClass] = (),
    ignored: Sequence[LabelClass] = (),
) -> DataSet:
    """Read the pairs of folders by split; a split of images alone has no masks to learn from."""
    splits, faults, notes = {}, [], []
    for split, (images, masks) in folders.items():
        if images is None:
            faults.append(f"{masks}: holds masks whose images have no folder")
        elif masks is None:
            notes.append(f"{images}: has no masks and is left out")
        else:
            pairing = pairs_in(images, masks)
            splits[split] = pairing.pairs
            faults += pairing.faults
            notes += [pairing.note] if pairing.note else []
    return DataSet(splits, classes=classes, ignored=ignored, faults=faults, notes=notes)


def _parts(images: Path | None, masks: Path | None, image: str, mask: str) -> list[Part]:
    return [Part(image, images is not None), Part(mask, masks is not None)]


def _with_files(folder: Path | None) -> Path | None:
    return folder if folder is not None and image_files(folder) else None
