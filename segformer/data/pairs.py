"""Finds the pairs of a split: an image and a mask whose names match."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segformer.data.images import MaskFile, read_mask
from segformer.data.matching import IMAGE_FORMS, MASK_FORMS, in_one_form, matched, stem_of
from segformer.data.matching import SUFFIXES as SUFFIXES
from segformer.data.walk import Walk
from segformer.storage.staging import FILE_NAME, SPLIT_FILE

_NOT_READ = (
    ".jfif", ".jp2", ".heic", ".avif", ".ppm", ".pgm", ".tga", ".npy", ".npz", ".mat",
    ".svg", ".dcm", ".nii", ".gz",
)  # fmt: skip
"""Pictures, and arrays of pixels, in formats that are not read."""
_ONE = {
    "masks": "save one mask for each image, with the class of each pixel",
    "images": "save its channels as one image",
}
_SHOWN = 3


@dataclass(frozen=True)
class Pair:
    """An image and its mask; `stem` is the image's file name, less the last suffix."""

    stem: str
    image: Path
    mask: Path
    draw: Callable[[], NDArray[np.uint8]] | None = None
    """If `mask` is a file of annotations: draws class ids HxW, and raises `DataError`."""

    def read_mask(self) -> MaskFile:
        """Return the mask as it is stored, or drawn; raises `DataError`."""
        if self.draw is None:
            return read_mask(self.mask)
        return MaskFile(self.draw().astype(np.int32), is_drawn=True)


@dataclass(frozen=True)
class Pairing:
    """The pairs of some files, in order of stem; a line per fault; how unequal names match."""

    pairs: list[Pair] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    note: str = ""


def find_pairs(root: Path, split: str) -> Pairing:
    """Return the pairs of a split and one line for everything that makes no pair."""
    return pairs_in(root / "images" / split, root / "masks" / split)


def pairs_in(images_folder: Path, masks_folder: Path, walk: Walk | None = None) -> Pairing:
    """Return the pairs of a folder of images and a folder of masks.

    If both have files in the same subfolders alone, as of cities, these are paired one by one.
    Images of all subfolders are paired with masks in one folder, but not the reverse: folders of
    masks are often those of classes.
    """
    walk = walk or Walk(images_folder)
    folders = images_folder, masks_folder
    faults = [f"{folder}: no such folder" for folder in folders if not folder.is_dir()]
    if faults:
        return Pairing([], faults)
    images, masks = map(image_files, folders)
    if not images and not masks and (inner := same_subfolders(*folders)):
        new = [name for name in inner if walk.enters(images_folder / name)]
        return _joined([pairs_in(images_folder / n, masks_folder / n, walk) for n in new])
    if masks and not images:
        images = _in_subfolders(images_folder)
    faults += [
        f"{folder}: holds no {' '.join(SUFFIXES)} files{_other_pictures(folder)}"
        for folder, files in ((images_folder, images), (masks_folder, masks))
        if not files
    ]
    if faults:
        return Pairing([], faults)
    return pair_files(images, masks)


def _in_subfolders(folder: Path) -> list[Path]:
    """Return the image files of the visible subfolders of a folder."""
    inner = (p for p in sorted(folder.iterdir()) if p.is_dir() and not p.name.startswith("."))
    return [path for each in inner for path in image_files(each)]


def _other_pictures(folder: Path) -> str:
    """Return what to do with pictures of a format that is not read."""
    suffixes = Counter(path.suffix.lower() for path in folder.iterdir())
    others = [f"{suffixes[suffix]} {suffix}" for suffix in _NOT_READ if suffixes[suffix]]
    return f", but {' and '.join(others)}; save them as PNG" if others else ""


def same_subfolders(images_folder: Path, masks_folder: Path) -> list[str]:
    """Return the names of visible subfolders, if any is in both folders."""
    images, masks = (
        {path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")}
        for folder in (images_folder, masks_folder)
    )
    return sorted(images | masks) if images & masks else []


def _joined(pairings: Sequence[Pairing]) -> Pairing:
    return Pairing(
        [pair for each in pairings for pair in each.pairs],
        [fault for each in pairings for fault in each.faults],
        next((each.note for each in pairings if each.note), ""),
    )


def pair_files(images: Sequence[Path], masks: Sequence[Path]) -> Pairing:
    """Return the pairs of image files and mask files; neither may be empty."""
    folders = images[0].parent, masks[0].parent
    images, faults = _one_a_stem(images)
    masks, more_faults = _one_a_stem(masks)
    matching = matched(images, masks)
    other_images: list[str] = []
    other_masks: list[str] = []
    if not matching.is_complete(images, masks):
        images, other_images = in_one_form(images, IMAGE_FORMS)
        masks, other_masks = in_one_form(masks, MASK_FORMS)
    if other_images or other_masks:
        matching = matched(images, masks)
    with_partner = {path for pair in matching.pairs for path in pair}
    faults += more_faults
    alone = [[path for path in files if path not in with_partner] for files in (images, masks)]
    several = [*_several("masks", *alone), *_several("images", *reversed(alone))]
    if not (matching.pairs or faults or several) and (line := _no_pairs(images, masks)):
        return Pairing([], [line])
    told = {path for paths in several for path in paths.files}
    faults += [each.fault for each in several]
    for files, folder in zip(alone, reversed(folders), strict=True):
        faults += [_partnerless(path, folder) for path in files if path not in told]
    pairs = sorted(
        (Pair(image.stem, image, mask) for image, mask in matching.pairs),
        key=lambda pair: pair.stem,
    )
    return Pairing(pairs, faults, _note(matching.change, other_images, other_masks, pairs))


def _no_pairs(images: Sequence[Path], masks: Sequence[Path]) -> str:
    """Return the line for files of which none fits another, unless there is a nearer cause."""
    if min(len(images), len(masks)) < 2 or _nearer_cause(images[0], masks[0].parent):
        return ""
    return (
        f"{masks[0].parent}: no mask is named like its image in {images[0].parent} (as "
        f"{images[0].name} and {masks[0].name}); name them alike, or list the pairs in a CSV with "
        "the columns image and mask"
    )


def image_files(folder: Path) -> list[Path]:
    """Return the files of a folder that are named like images, in order; not those below it."""
    return [path for path in sorted(folder.iterdir()) if is_image_file(path)]


def is_image_file(path: Path) -> bool:
    """Whether a path is a file that is named like an image and not hidden."""
    is_named_so = path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    return is_named_so and path.is_file()


def is_utf8(name: str) -> bool:
    """Whether a name can be written down; one from a system of other letters often cannot."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def other_files(folder: Path) -> list[Path]:
    """Return the files of a folder that are neither images nor masks, without hidden ones."""
    if not folder.is_dir():
        return []
    return [
        path
        for path in sorted(folder.iterdir())
        if not path.name.startswith(".")
        and path.name not in (FILE_NAME, SPLIT_FILE)
        and not is_image_file(path)
    ]


def _one_a_stem(paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
    by_stem: dict[str, Path] = {}
    faults = []
    for path in paths:
        stem = stem_of(path)
        if not is_utf8(path.name):
            faults.append(f"{path.parent}: the name of {ascii(path.name)} is not UTF-8; rename it")
            continue
        if stem in by_stem:
            faults.append(f"{path}: has the same stem as {by_stem[stem].name}")
        by_stem.setdefault(stem, path)
    return list(by_stem.values()), faults


@dataclass(frozen=True)
class _Several:
    """A file that several of the other kind are named after, and the line that says so."""

    fault: str
    files: Sequence[Path]


def _several(kind: str, ones: Sequence[Path], others: Sequence[Path]) -> list[_Several]:
    """Return the files without partner that others begin with, as a.png and a_car.png, a_dog.png.

    Masks are so of objects or classes, and images of channels.
    """
    begun: dict[str, list[Path]] = {}
    for path in others:
        stem = stem_of(path)
        for end in re.finditer(r"[-_. ]", stem):
            begun.setdefault(stem[: end.start()], []).append(path)
    found = []
    for path in ones:
        if len(named := begun.get(stem_of(path), [])) > 1:
            names = ", ".join(each.name for each in named[:_SHOWN])
            more = ", ..." if len(named) > _SHOWN else ""
            fault = f"{path}: has several {kind} ({names}{more}); {_ONE[kind]}"
            found.append(_Several(fault, [path, *named]))
    return found


def _partnerless(path: Path, other: Path) -> str:
    return _nearer_cause(path, other) or f"{path}: has no partner {path.stem}.* in {other}"


def _nearer_cause(path: Path, other: Path) -> str:
    """Return why a partner is not read although a file has its name; "" if none has."""
    for suffix in SUFFIXES:
        if (link := other / f"{path.stem}{suffix}").is_symlink():
            return f"{path}: its partner {link} is a link to {link.readlink()}, which is no file"
    for suffix in _NOT_READ:
        if (partner := other / f"{path.stem}{suffix}").is_file():
            return f"{path}: its partner {partner} has a format that is not read; save it as PNG"
    return ""


def _note(
    change: str, other_images: Sequence[str], other_masks: Sequence[str], pairs: Sequence[Pair]
) -> str:
    if not pairs:
        return ""
    first, parts = pairs[0], []
    if change:
        parts.append(
            f"masks match their images by {change}, as {first.image.name} and {first.mask.name}"
            f" ({len(pairs)} pairs)"
        )
    for what, left_out, path in (
        ("images", other_images, first.image),
        ("masks", other_masks, first.mask),
    ):
        if left_out:
            names = " and ".join(f"_{name}" if name else "no ending" for name in left_out)
            parts.append(f"{what} are there in other forms, too, with {names}: {path.name} and "
                         "those like it are read")  # fmt: skip
    return f"{first.mask.parent}: {'; '.join(parts)}" if parts else ""
