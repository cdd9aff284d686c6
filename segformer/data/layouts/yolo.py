"""YOLO: a text of polygons for each image, and data.yaml with the names of the classes."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import yaml

from segformer.data.images import image_size
from segformer.data.layouts.base import UNSPLIT, DataSet, Part
from segformer.data.layouts.drawing import Ids, Region, drawn
from segformer.data.layouts.label_ids import drawn_classes
from segformer.data.layouts.names import (
    IMAGES,
    files_below,
    lines_of,
    split_folders,
    split_of,
    subfolder,
    subfolders,
    text_of,
)
from segformer.data.pairs import Pair, is_image_file
from segformer.errors import DataError

_LABELS = "labels"
_NAMES = ("classes.txt", "obj.names")
_NUMBERS_OF_A_BOX = 5
_BOXES = (
    "holds boxes, as for detection, and no polygons: export it for instance segmentation (YOLO-seg)"
    " or as masks"
)


class Yolo:
    """images/<split> with labels/<split>, or <split>/images with <split>/labels (Roboflow)."""

    name, title = "yolo", "YOLO (polygons)"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return folders of images and of texts; see `Layout.parts`."""
        folders = _folders(root)
        return [
            Part("images/", any(images is not None for images, _ in folders.values())),
            Part(
                "labels/ with .txt files", any(_has_texts(texts) for _, texts in folders.values())
            ),
        ]

    def read(self, root: Path) -> DataSet:
        """Read all texts; an image without one, or with an empty one, shows none of the classes."""
        texts: dict[str, list[tuple[Path, Path]]] = {}
        faults = []
        for split, (images, folder) in _folders(root).items():
            if images is None or folder is None:
                continue
            texts[split] = list(_texts(images, folder))
            known = {path for _, path in texts[split]}
            alone = [p for p in files_below(folder) if _is_text(p) and p not in known]
            faults += [f"{path}: has no image {path.stem}.* in {images}" for path in alone]
        numbers, counts, more_faults = _numbers(t for each in texts.values() for _, t in each)
        if counts["polygons"] == 0 and counts["boxes"]:
            return DataSet({}, faults=[f"{root}: {_BOXES}"])
        names = _names(root)
        every = {number: names.get(number, f"class_{number}") for number in sorted(numbers)}
        classes, ids = drawn_classes(every.values())
        label_ids = {number: ids[name] for number, name in every.items()}
        pairs = {
            split: [
                Pair(image.stem, image, text, partial(_drawn, image, text, label_ids))
                for image, text in each
            ]
            for split, each in texts.items()
        }
        notes = []
        if counts["boxes"]:
            notes = [f"{root}: {counts['boxes']} objects are boxes without polygons: left out"]
        return DataSet(pairs, classes=classes, faults=[*faults, *more_faults], notes=notes)


def _folders(root: Path) -> Mapping[str, tuple[Path | None, Path | None]]:
    """Return the folders of images and of texts by split."""
    images, labels = subfolder(root, IMAGES), subfolder(root, (_LABELS,))
    if labels is None:
        inner = {s: f for s, f in split_folders(root).items() if subfolder(f, (_LABELS,))}
        return {s: (subfolder(f, IMAGES), subfolder(f, (_LABELS,))) for s, f in inner.items()}
    # Ultralytics' own sets are called train2017 and val2017.
    by_split = {split: path for path in subfolders(labels) if (split := split_of(path.name))}
    if not by_split:
        return {UNSPLIT: (images, labels)}
    return {
        split: (images / path.name if images else None, path) for split, path in by_split.items()
    }


def _is_text(path: Path) -> bool:
    return path.suffix.lower() == ".txt" and path.name not in _NAMES


def _has_texts(folder: Path | None) -> bool:
    """Whether a folder has texts of numbers, and no masks."""
    if folder is None:
        return False
    files = list(files_below(folder))
    texts = [path for path in files if _is_text(path)]
    return bool(texts) and not any(is_image_file(path) for path in files)


def _texts(images: Path, folder: Path) -> Iterator[tuple[Path, Path]]:
    """Yield each image with its text, which need not exist."""
    if not images.is_dir():
        return
    for path in files_below(images):
        if is_image_file(path):
            inner = path.parent.relative_to(images)
            yield path, folder / inner / f"{path.stem}.txt"


def _numbers(texts: Iterator[Path]) -> tuple[set[int], dict[str, int], list[str]]:
    """Return the classes of polygons, how many polygons and boxes there are, and faults."""
    numbers, counts, faults = set(), {"polygons": 0, "boxes": 0}, []
    for path in texts:
        try:
            for number, points in _objects(path):
                counts["polygons" if points else "boxes"] += 1
                numbers |= {number} if points else set()
        except ValueError as error:
            faults.append(f"{path}: {error}")
    return numbers, counts, faults


def _objects(path: Path) -> Iterator[tuple[int, list[tuple[float, float]]]]:
    """Yield class and points, as shares of the sides, of each object; a box has no points."""
    for line in lines_of(path) if path.is_file() else ():
        number, *parts = line.split()
        try:
            values = [float(part) for part in parts]
            label = int(number)
        except ValueError:
            raise ValueError("is no line of a class and coordinates: " + line[:40]) from None
        if len(parts) == _NUMBERS_OF_A_BOX - 1:
            yield label, []
        elif len(parts) >= 6 and len(parts) % 2 == 0:
            yield label, list(zip(values[::2], values[1::2], strict=True))
        else:
            raise ValueError(f"has {len(parts)} coordinates in a line; a polygon has 6, 8, ...")


def _names(root: Path) -> dict[int, str]:
    """Return the names of the classes: those of data.yaml, or a line each of classes.txt."""
    for path in sorted([*root.glob("*.yaml"), *root.glob("*.yml")]):
        try:
            content = yaml.safe_load(text_of(path))
        except yaml.YAMLError:
            continue
        names = content.get("names") if isinstance(content, Mapping) else None
        if isinstance(names, Mapping):
            return {int(number): str(name) for number, name in names.items()}
        if isinstance(names, list):
            return {number: str(name) for number, name in enumerate(names)}
    for folder in (root, root / _LABELS):
        for name in _NAMES:
            if (folder / name).is_file():
                return dict(enumerate(lines_of(folder / name)))
    return {}


def _drawn(image: Path, path: Path, label_ids: Mapping[int, int]) -> Ids:
    try:
        height, width = image_size(image)
        regions = [
            Region(label_ids[label], [[(x * width, y * height) for x, y in points]])
            for label, points in _objects(path) if points
        ]  # fmt: skip
        return drawn((width, height), regions)
    except (KeyError, ValueError, OSError) as error:
        raise DataError(f"{image}: cannot be drawn from {path.name} ({error})") from None
