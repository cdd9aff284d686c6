"""Names that folders of images, masks and splits commonly have; files of annotations."""

import json
from pathlib import Path
from typing import Any

from segformer.data.layouts.base import TEST, TRAIN, VAL
from segformer.errors import DataError

IMAGES = ("images", "image", "imgs", "img", "img_dir", "jpegimages", "inputs", "input")
MASKS = (
    "masks", "mask", "labels", "label", "annotations", "annotation", "ann_dir", "ann", "anns",
    "segmentationclass", "segmentations", "segmentation", "gt", "groundtruth", "ground_truth",
    "targets",
)  # fmt: skip
SPLITS = {
    TRAIN: ("train", "training", "tr"),
    VAL: ("val", "valid", "validation", "dev"),
    TEST: ("test", "testing"),
}


def subfolder(folder: Path, names: tuple[str, ...]) -> Path | None:
    """Return the subfolder that has the first of some names, whatever its case; or None."""
    if not folder.is_dir():
        return None
    folders = {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_dir()}
    return next((folders[name] for name in names if name in folders), None)


def split_folders(folder: Path) -> dict[str, Path]:
    """Return the subfolders that are named like splits, by split."""
    found = {split: subfolder(folder, names) for split, names in SPLITS.items()}
    return {split: path for split, path in found.items() if path is not None}


def subfolders(folder: Path) -> list[Path]:
    """Return the visible subfolders in order of name."""
    if not folder.is_dir():
        return []
    return [p for p in sorted(folder.iterdir()) if p.is_dir() and not p.name.startswith(".")]


def read_json(path: Path) -> Any:
    """Return the content of a JSON file; raises `DataError`."""
    try:
        return json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
