"""Finds the pairs of a split: an image and a mask of the same stem."""

from dataclasses import dataclass
from pathlib import Path

from segformer.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
"""Suffixes of images and masks, in any case; other files are skipped."""


@dataclass(frozen=True)
class Pair:
    """An image and its mask; `stem` is the file name that they share, without the suffix."""

    stem: str
    image: Path
    mask: Path


def pairs_of(root: Path, split: str) -> list[Pair]:
    """Return the pairs of a split in order of stem; raises `DataError` with every fault."""
    pairs, faults = find_pairs(root, split)
    if faults:
        raise DataError(faults)
    return pairs


def find_pairs(root: Path, split: str) -> tuple[list[Pair], list[str]]:
    """Return the pairs of a split, and one line for each fault."""
    folders = root / "images" / split, root / "masks" / split
    faults = [f"{folder}: no such folder" for folder in folders if not folder.is_dir()]
    if faults:
        return [], faults
    kinds = []
    for folder in folders:
        files, duplicates = _by_stem(folder)
        kinds.append(files)
        faults += duplicates
        if not files:
            faults.append(f"{folder}: holds no {' '.join(SUFFIXES)} files")
    images, masks = kinds
    if images and masks:
        faults += [_partnerless(images[stem], folders[1]) for stem in sorted(images.keys() - masks)]
        faults += [_partnerless(masks[stem], folders[0]) for stem in sorted(masks.keys() - images)]
    both = sorted(images.keys() & masks.keys())
    return [Pair(stem, images[stem], masks[stem]) for stem in both], faults


def other_files(folder: Path) -> list[Path]:
    """Return the files of a folder that are neither images nor masks, without hidden ones."""
    if not folder.is_dir():
        return []
    return [
        p for p in sorted(folder.iterdir()) if not p.name.startswith(".") and not _is_picture(p)
    ]


def _is_picture(path: Path) -> bool:
    has_suffix = path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    return has_suffix and path.is_file()


def _by_stem(folder: Path) -> tuple[dict[str, Path], list[str]]:
    files: dict[str, Path] = {}
    faults = []
    for path in filter(_is_picture, sorted(folder.iterdir())):
        if path.stem in files:
            faults.append(f"{path}: has the same stem as {files[path.stem].name}")
        files.setdefault(path.stem, path)
    return files, faults


def _partnerless(path: Path, other: Path) -> str:
    return f"{path}: has no partner {path.stem}.* in {other}"
