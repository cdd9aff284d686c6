"""One folder, or one a split, that holds images and masks together: a suffix tells them apart."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from segformer.data.faults import one_a_cause
from segformer.data.layouts.base import UNSPLIT, DataSet, Part
from segformer.data.layouts.names import split_folders, subfolders
from segformer.data.matching import RENDERING, SUFFIXES, is_named_a_mask
from segformer.data.pairs import Pair, image_files, pair_files
from segformer.data.walk import Walk

_PART = re.compile(r"_parts_\d+$")
"""Masks of parts of objects, which only the full ADE20K has."""


class Suffix:
    """a.jpg with a_mask.png, a_gtFine_labelIds.png, a.jpg.png, or (a photograph) a.png."""

    name, title = "suffix", "images and masks in one folder"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return images and masks that lie in one folder; see `Layout.parts`."""
        kinds = [_told_apart(folder) for folders in _folders(root).values() for folder in folders]
        return [
            Part("images (a.jpg)", any(images for images, _ in kinds)),
            Part("masks beside them (a_mask.png, a.jpg.png)", any(i and m for i, m in kinds)),
        ]

    def read(self, root: Path) -> DataSet:
        """Read the folder, or those of the splits, and what lies below them, as of patients."""
        splits: dict[str, list[Pair]] = {}
        faults, notes = [], []
        for split, folders in _folders(root).items():
            for folder in folders:
                images, masks = _told_apart(folder)
                if not images or not masks:
                    notes.append(f"{folder}: has no masks and is left out")
                    continue
                pairing = pair_files(images, masks)
                splits.setdefault(split, []).extend(pairing.pairs)
                faults += pairing.faults
                notes += [pairing.note] if pairing.note else []
        return DataSet(splits, faults=faults, notes=one_a_cause(notes))


def _folders(root: Path) -> dict[str, list[Path]]:
    """Return the folders that hold images, by split."""
    splits = {UNSPLIT: root} if image_files(root) else split_folders(root) or {UNSPLIT: root}
    return {split: list(_with_files(folder)) for split, folder in splits.items()}


def _with_files(folder: Path, walk: Walk | None = None) -> Iterator[Path]:
    """Yield a folder if images lie in it, else those below it of which that is so, each once."""
    walk = walk or Walk(folder)
    if image_files(folder):
        yield folder
    else:
        for inner in filter(walk.enters, subfolders(folder)):
            yield from _with_files(inner, walk)


def _told_apart(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the images and the masks of a folder; no masks if nothing tells them apart."""
    files = _without_other_forms(image_files(folder))
    if any(_PART.search(path.stem) for path in files):
        return [], []
    names = {path.name for path in files}
    masks = [path for path in files if is_named_a_mask(path) or path.stem in names]
    if not masks:
        # A JPEG is never a mask, so that of two files of one stem the other one is.
        stems = {path.stem for path in files if _is_jpeg(path)}
        masks = [path for path in files if path.stem in stems and not _is_jpeg(path)]
    of_masks = set(masks)
    return [path for path in files if path not in of_masks], masks


def _without_other_forms(files: Sequence[Path]) -> list[Path]:
    """Return files without the coloured and other forms of the masks of images among them."""
    stems = {path.stem for path in files}
    return [path for path in files if RENDERING.sub("", path.stem) not in stems - {path.stem}]


def _is_jpeg(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES[1:3]
