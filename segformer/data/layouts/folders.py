"""Layouts of folders of images and folders of masks, by the names and splits of the folders."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from segformer.data.layouts.base import TRAIN, UNSPLIT, DataSet, LabelClass, Part
from segformer.data.layouts.names import (
    IMAGES,
    MASKS,
    SPLITS,
    has_images,
    holds_no_classes,
    kind_folder,
    kind_of,
    split_folders,
    split_of,
    subfolders,
)
from segformer.data.layouts.one_region import is_of_one_region
from segformer.data.layouts.split_lists import listed_splits
from segformer.data.pairs import image_files, pairs_in, same_subfolders

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
        images, masks = kind_folder(root, IMAGES), kind_folder(root, MASKS)
        image_splits = _splits_within(images) if images else {}
        mask_splits = _splits_within(masks) if masks else {}
        return {
            split: _of_files(image_splits.get(split), mask_splits.get(split))
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
        pairs = {s: kind_folders(f, s) for s, f in splits}
        return {split: folders for split, folders in pairs.items() if any(folders)}


class SplitGroups:
    """train/urban/images and train/urban/masks, as LoveDA has them."""

    name, title = "groups", "<split>/<group>/images and <split>/<group>/masks"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the training folders; see `Layout.parts`."""
        groups = self._groups(root).get(TRAIN, [])
        if any(_is_sample(*pair) for pair in groups):
            groups = []
        return [
            Part(f"train/<group>/{kind}", bool(groups) and all(pair[i] for pair in groups))
            for i, kind in enumerate(("images", "masks"))
        ]

    def read(self, root: Path) -> DataSet:
        """Read every group of every split."""
        by_split: dict[str, list[DataSet]] = {}
        for split, groups in self._groups(root).items():
            by_split[split] = [read_folders({split: group}) for group in groups if any(group)]
        every = [data for of_split in by_split.values() for data in of_split]
        return DataSet(
            {
                s: [p for d in of_split for p in d.splits.get(s, ())]
                for s, of_split in by_split.items()
            },
            faults=[fault for data in every for fault in data.faults],
            notes=[note for data in every for note in data.notes],
        )

    def _groups(self, root: Path) -> Mapping[str, list[tuple[Path | None, Path | None]]]:
        return {
            split: [kind_folders(f) for f in subfolders(folder)]
            for split, folder in split_folders(root).items()
        }


def _is_sample(images: Path | None, masks: Path | None) -> bool:
    """Whether folders hold one image and its masks, maybe of its objects."""
    if images is None or masks is None:
        return False
    return len(image_files(images)) == 1 < len(image_files(masks))


class NamedSplits:
    """train_images and train_masks, or images_prepped_train and annotations_prepped_train."""

    name, title = "named", "folders that are named like train_images and train_masks"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the training folders; see `Layout.parts`."""
        images, masks = self._folders(root).get(TRAIN, (None, None))
        return _parts(images, masks, "train_images/", "train_masks/ (or labels_train, ...)")

    def read(self, root: Path) -> DataSet:
        """Read every split that has images."""
        return read_folders(self._folders(root))

    def _folders(self, root: Path) -> Folders:
        found: dict[tuple[str, tuple[str, ...]], list[Path]] = {}
        for path in subfolders(root):
            split, kind = split_of(path.name), kind_of(path.name)
            if split and kind and has_images(path):
                found.setdefault((split, kind), []).append(path)
        # Of two folders that may both be meant, none is.
        only = {key: paths[0] for key, paths in found.items() if len(paths) == 1}
        pairs = {split: (only.get((split, IMAGES)), only.get((split, MASKS))) for split in SPLITS}
        return {split: folders for split, folders in pairs.items() if any(folders)}


class Unsplit:
    """images and masks without splits, or with lists of the names of each split."""

    name, title = "unsplit", "images and masks, no splits"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the two folders, if images lie in them; see `Layout.parts`."""
        return _parts(*self._folders(root), "images/", "masks/ (or labels, annotations, ...)")

    def read(self, root: Path) -> DataSet:
        """Read all pairs as one, or as the lists say."""
        data = read_folders({UNSPLIT: self._folders(root)})
        return listed_splits(root, data)

    def _folders(self, root: Path) -> tuple[Path | None, Path | None]:
        images, masks = map(_with_images, kind_folders(root))
        if images and masks and not (image_files(masks) or same_subfolders(images, masks)):
            return images, None
        return images, masks


class Groups:
    """2023-01-05/images and 2023-01-05/masks: a folder for each day, camera or fold."""

    name, title = "grouped", "<group>/images and <group>/masks"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the folders of two groups or more; see `Layout.parts`."""
        groups = self._groups(root)
        is_grouped = len(groups) > 1 and not any(_is_sample(*group) for group in groups)
        return [Part(f"<group>/{kind}", is_grouped) for kind in ("images", "masks")]

    def read(self, root: Path) -> DataSet:
        """Read all groups as one, or as lists of the splits say."""
        groups = [read_folders({UNSPLIT: group}) for group in self._groups(root)]
        data = DataSet(
            {UNSPLIT: [pair for each in groups for pair in each.splits.get(UNSPLIT, ())]},
            faults=[fault for each in groups for fault in each.faults],
            notes=[note for each in groups for note in each.notes],
        )
        return listed_splits(root, data)

    def _groups(self, root: Path) -> list[tuple[Path, Path]]:
        folders = [
            folder
            for path in subfolders(root)
            for folder in (path, *split_folders(path).values())  # As berlin/train/images.
        ]
        groups = (map(_with_images, kind_folders(path)) for path in folders)
        return [(images, masks) for images, masks in groups if images and masks]


def kind_folders(folder: Path, split: str | None = None) -> tuple[Path | None, Path | None]:
    """Return the subfolders of images and of masks; see `kind_folder`.

    Files may lie in the only folder of files within these, as annotations/trimaps. A folder of
    masks that all show one region, as a field of view, goes after any other.
    """
    images, masks = kind_folder(folder, IMAGES, split), kind_folder(folder, MASKS, split)
    of_masks = [p for p in subfolders(folder) if kind_of(p.name) == MASKS and image_files(p)]
    if masks and len(of_masks) == 1 and not has_images(masks):
        masks = of_masks[0]  # As SegmentationClassPNG beside arrays.
    if len(of_masks) > 1:
        others = [path for path in of_masks if not is_of_one_region(path)]
        if 0 < len(others) < len(of_masks) and masks not in others:
            masks = others[0]
    return _of_files(images, masks)


def _of_files(images: Path | None, masks: Path | None) -> tuple[Path | None, Path | None]:
    """Return folders of images and masks, or the only folder of files within each: images/jpg."""
    if not images or not masks or (image_files(images) and image_files(masks)):
        return images, masks
    inner = [_folders_of_files(folder) for folder in (images, masks)]
    if any(len(folders) != 1 for folders in inner):
        return images, masks
    return inner[0][0], inner[1][0]


def _folders_of_files(folder: Path) -> list[Path]:
    """Return a folder and those below it that have image files, without other forms of masks."""
    inner = (path for path in subfolders(folder) if not holds_no_classes(path.name))
    below = [path for each in inner for path in _folders_of_files(each)]
    return [folder, *below] if image_files(folder) else below


def _splits_within(folder: Path) -> Mapping[str, Path]:
    """Return the splits of a folder, or of the only one below it that has any: images/10k/train."""
    if found := split_folders(folder):
        return found
    inner = (_splits_within(p) for p in subfolders(folder) if not holds_no_classes(p.name))
    below = [splits for splits in inner if splits]
    return below[0] if len(below) == 1 else {}


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
            notes += _regions_beside(masks)
    return DataSet(splits, classes=classes, ignored=ignored, faults=faults, notes=notes)


def _regions_beside(masks: Path) -> list[str]:
    """Return lines on folders that are named like masks and show one region alone."""
    others = [p for p in subfolders(masks.parent) if p != masks and kind_of(p.name) == MASKS]
    of_one = [path for path in others if is_of_one_region(path)]
    if of_one and is_of_one_region(masks):
        return []
    return [
        f"{path}: is passed over, since all its masks show one region, as a field of view does; "
        f"{masks.name}/ is read"
        for path in of_one
    ]


def _parts(images: Path | None, masks: Path | None, image: str, mask: str) -> list[Part]:
    return [Part(image, images is not None), Part(mask, masks is not None)]


def _with_images(folder: Path | None) -> Path | None:
    return folder if folder is not None and has_images(folder) else None
