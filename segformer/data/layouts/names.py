"""Names that folders of images, masks and splits commonly have; files of annotations."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from segformer.data.json_faults import way_out_of_json
from segformer.data.layouts.base import TEST, TRAIN, VAL
from segformer.data.pairs import is_image_file
from segformer.data.walk import Walk, is_visible
from segformer.errors import DataError
from segformer.spec.unique_keys import UniqueKeys

IMAGES = (
    "images", "image", "imgs", "img", "img_dir", "jpegimages", "inputs", "input", "photos",
    "photo", "pictures", "rgb", "frames", "image_2", "original", "originals", "orig", "org",
    "701_stillsraw_full",
)  # fmt: skip
MASKS = (
    "masks", "mask", "labels", "label", "annotations", "annotation", "ann_dir", "ann", "anns",
    "annot", "annots", "anno", "annos", "segmentationclass", "segmentations", "segmentation", "seg",
    "segs", "segmaps", "semantic", "gt", "gts", "groundtruth", "ground_truth", "targets", "target",
    "lbl", "lbls", "labeledapproved_full", "msk", "msks", "manual", "stuffthingmaps",
)  # fmt: skip
SPLITS = {
    TRAIN: ("train", "training", "tr"),
    VAL: ("val", "valid", "validation", "dev", "eval", "evaluation", "va"),
    TEST: ("test", "testing", "ts", "holdout"),
}
_NOT_CLASSES = {
    "visualization", "visualisation", "visualizations", "viz", "vis", "overlay", "overlays",
    "preview", "previews", "object", "objects", "instance", "instances", "npy", "names", "list",
    "lists", "pred", "preds", "prediction", "predictions", "backup", "old", "panoptic", "human",
    "colormap", "colormaps",
}  # fmt: skip
"""Words of folders that hold something else than the images or the masks to learn from."""


def words_of(name: str) -> list[str]:
    """Return the words of a name in lower case: train_images, TrainImages and imagesTr have two."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def kind_of(name: str) -> tuple[str, ...]:
    """Return `IMAGES` or `MASKS` if a word of a name says so; mask_images are masks."""
    words = words_of(name)
    if holds_no_classes(name):
        return ()
    joined = map("".join, pairwise(words))  # GroundTruth is one word, and ground truth two.
    every = {*words, *joined}
    return next((kind for kind in (MASKS, IMAGES) if every & {*kind}), ())


def holds_no_classes(name: str) -> bool:
    """Whether a word of a folder's name says that it holds neither images nor masks of classes."""
    return bool({*words_of(name)} & _NOT_CLASSES)


def split_of(name: str) -> str | None:
    """Return the split that a word of a name says, if just one does."""
    splits = _splits_of(name)
    return splits[0] if len(splits) == 1 else None


def _splits_of(name: str) -> list[str]:
    words = {*words_of(name)}
    return [split for split, names in SPLITS.items() if words & {*names}]


def subfolder(folder: Path, names: Sequence[str]) -> Path | None:
    """Return the subfolder that has the first of some names, whatever its case; or None.

    Of several, one with images in it goes before empty ones and files of annotations.
    """
    by_name = {re.sub(r"[-\s]+", "_", p.name.lower()): p for p in subfolders(folder)}
    named = [by_name[name] for name in names if name in by_name]
    if len(named) > 1:
        named = [path for path in named if has_images(path)] or named
    return named[0] if named else None


def kind_folder(folder: Path, kind: Sequence[str], split: str | None = None) -> Path | None:
    """Return the subfolder of images or of masks: by its name, or the only one with such a word.

    The folder of a split may have others that name it again, as train/train-images.
    """
    if (exact := subfolder(folder, kind)) is not None:
        return exact
    alike = [p for p in subfolders(folder) if kind_of(p.name) == kind and has_images(p)]
    return alike[0] if len(alike) == 1 and split_of(alike[0].name) in (None, split) else None


def split_folders(folder: Path) -> dict[str, Path]:
    """Return the subfolders that are splits, by split.

    They are named so, or are the only ones with such a word, as train2017, if one is for training,
    or begin so and end alike, as traincrop and valcrop; train_val is for training where nothing
    else is.
    """
    named = {split: subfolder(folder, names) for split, names in SPLITS.items()}
    found = {s: path or _only_worded(folder, [s]) for s, path in named.items()}
    if found[TRAIN] is None and found[VAL] is None:
        found[TRAIN] = _only_worded(folder, [TRAIN, VAL])
    if found[TRAIN] is None:
        found = {**named, **_ending_alike(folder)}
    return {split: path for split, path in found.items() if path is not None}


def _only_worded(folder: Path, splits: Sequence[str]) -> Path | None:
    """Return the only subfolder whose words say these splits, and neither images nor masks."""
    alike = [p for p in _without_kind(folder) if _splits_of(p.name) == splits]
    return alike[0] if len(alike) == 1 else None


def _ending_alike(folder: Path) -> dict[str, Path]:
    """Return subfolders of training, validation and perhaps test that differ in that word alone.

    None if there are several endings, as trainimages, valimages and trainmasks: these are kinds.
    """
    by_end: dict[str, dict[str, Path]] = {}
    for path in _without_kind(folder):
        name = path.name.lower()
        for split in SPLITS:
            if name.startswith(split):
                by_end.setdefault(name.removeprefix(split), {})[split] = path
    found = next(iter(by_end.values()), {})
    return found if len(by_end) == 1 and {TRAIN, VAL} <= found.keys() else {}


def _without_kind(folder: Path) -> list[Path]:
    """Return the subfolders whose words say neither images nor masks, nor that they hold none."""
    return [p for p in subfolders(folder) if not kind_of(p.name) and not holds_no_classes(p.name)]


def passed_over_splits(root: Path) -> list[str]:
    """Return lines on folders of images named like a split that another folder is, as val, valid.

    They may lie in the data set, or in its folder of images.
    """
    lines = []
    for folder in filter(None, (root, subfolder(root, IMAGES))):
        used = split_folders(folder)
        for path in subfolders(folder):
            split = next((s for s, names in SPLITS.items() if path.name.lower() in names), None)
            if split is not None and path != used[split] and has_images(path):
                lines.append(
                    f"{path}: is passed over, since {used[split].name}/ is the {split} split"
                )
    return lines


def subfolders(folder: Path) -> list[Path]:
    """Return the subfolders in order of name, without hidden ones and those of the system."""
    if not folder.is_dir():
        return []
    return [p for p in sorted(folder.iterdir()) if is_visible(p.name) and p.is_dir()]


def files_below(folder: Path, walk: Walk | None = None) -> Iterator[Path]:
    """Yield the visible files of a folder and of those below it, in order of name.

    No folder is entered twice: a link may lead to one above it.
    """
    if not folder.is_dir():
        return
    walk = walk or Walk(folder)
    inner = []
    for path in sorted(folder.iterdir()):
        if not is_visible(path.name):
            continue
        if path.is_dir():
            inner.append(path)
        else:
            yield path
    for path in inner:
        if walk.enters(path):
            yield from files_below(path, walk)


def has_images(folder: Path) -> bool:
    """Whether an image file lies in a folder or below it."""
    return any(is_image_file(path) for path in files_below(folder))


def is_background(name: str) -> bool:
    """Whether a class is what no annotation covers, which has the id 0 in drawn masks."""
    return name.strip().strip("_").lower() in ("background", "bg")


def text_of(path: Path) -> str:
    """Return a text in UTF-8, in UTF-16 with a byte order mark, or in the letters of Windows."""
    content = path.read_bytes()
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def lines_of(path: Path) -> list[str]:
    """Return the lines of a text that hold something, without the space around them."""
    return [line.strip() for line in text_of(path).splitlines() if line.strip()]


def listed(names: Iterable[object], *, shown: int = 3) -> str:
    """Return the first of some names for a line: a, b, c, ..."""
    every = [str(name) for name in names]
    return ", ".join(every[:shown]) + (", ..." if len(every) > shown else "")


def read_json(path: Path) -> Any:
    """Return the content of a JSON file; raises `DataError`."""
    try:
        return json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read ({error}){way_out_of_json(error)}") from None


def parse_yaml(text: str) -> Any:
    """Return the content of a YAML text; raises `ValueError`, for a key that is there twice too."""
    try:
        return yaml.load(text, UniqueKeys)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())) from None
