"""Stacks: TIFF files of several pictures, as of microscopes, taken apart into a file of each."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from PIL import Image

from segformer.data.images import pictures_in
from segformer.data.layouts.base import DataSet
from segformer.data.pairs import Pair
from segformer.errors import DataError

_STORED = ("1", "L", "P", "RGB", "RGBA", "I;16")
"""Modes that a PNG keeps."""


def taken_apart(data: DataSet, folder: Path) -> DataSet:
    """Return a data set with pairs of a stack and a stack of masks as pairs of one picture each.

    The pictures are written below `folder`, as PNG. Raises `DataError` if an image and its mask
    hold different numbers of pictures, or one cannot be kept as PNG.
    """
    pages = {split: [_pages(p, folder) for p in pairs] for split, pairs in data.splits.items()}
    counts = [len(each) for of_split in pages.values() for each in of_split if len(each) > 1]
    if not counts:
        return data
    splits = {split: [*chain.from_iterable(of_split)] for split, of_split in pages.items()}
    note = f"stacks that were taken apart: {len(counts)}, of {sum(counts)} images with masks"
    return replace(data, splits=splits, notes=[*data.notes, note])


def _pages(pair: Pair, folder: Path) -> list[Pair]:
    count = pictures_in(pair.image)
    if pair.draw is not None or count == 1:
        return [pair]
    if count != (masks := pictures_in(pair.mask)):
        raise DataError(
            f"{pair.mask}: holds {masks} pictures, but its image {pair.image.name} holds {count}"
        )
    digits = len(str(count - 1))
    names = [f"{pair.stem}_{number:0{digits}}" for number in range(count)]
    images, masks_written = (
        _written(path, folder / kind, names)
        for path, kind in ((pair.image, "images"), (pair.mask, "masks"))
    )
    return [Pair(*page) for page in zip(names, images, masks_written, strict=True)]


def _written(path: Path, folder: Path, names: Sequence[str]) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    targets = [folder / f"{name}.png" for name in names]
    with Image.open(path) as stack:
        for number, target in enumerate(targets):
            stack.seek(number)
            page = stack.convert("I;16") if stack.mode.startswith("I;16") else stack
            if page.mode not in _STORED:
                raise DataError(f"{path}: holds pictures of the mode {page.mode}; save them as PNG")
            page.save(target)
    return targets
