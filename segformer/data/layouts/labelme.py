"""LabelMe: a JSON file of shapes beside each image."""

import base64
from collections.abc import Mapping, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from segformer.data.images import check_pixels
from segformer.data.layouts.base import IGNORED, UNSPLIT, DataSet, LabelClass, Part
from segformer.data.layouts.drawing import Ids, Points, Region, drawn, ellipse, rectangle
from segformer.data.layouts.names import read_json, split_folders
from segformer.data.pairs import Pair
from segformer.errors import DataError

_BACKGROUND, _IGNORED = "_background_", "__ignore__"


class LabelMe:
    """Polygons, rectangles, circles and masks, drawn in the order of the file."""

    name, title = "labelme", "LabelMe"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the JSON files with shapes; see `Layout.parts`."""
        is_there = any(path for paths in _files(root).values() for path in paths)
        return [Part("a JSON file with shapes and imagePath beside each image", is_there)]

    def read(self, root: Path) -> DataSet:
        """Read all shapes; labels become the classes 1, 2, ... in order of name."""
        contents = {
            split: {path: read_json(path) for path in paths}
            for split, paths in _files(root).items()
        }
        shapes = [s for each in contents.values() for c in each.values() for s in c["shapes"]]
        labels = {str(shape["label"]) for shape in shapes} - {_BACKGROUND, _IGNORED}
        label_ids = {label: number for number, label in enumerate(sorted(labels), start=1)}
        classes = [LabelClass("background", 0), *(LabelClass(n, i) for n, i in label_ids.items())]
        label_ids |= {_BACKGROUND: 0, _IGNORED: IGNORED}
        pairs: dict[str, list[Pair]] = {}
        faults = []
        for split, by_path in contents.items():
            for path, content in by_path.items():
                # Windows wrote the folder with its own separator.
                image = path.parent / str(content["imagePath"]).replace("\\", "/")
                if not image.is_file():
                    faults.append(f"{path}: its image {content['imagePath']} does not exist")
                    continue
                draw = partial(_drawn, path, content, label_ids)
                pairs.setdefault(split, []).append(Pair(path.stem, image, path, draw))
        return DataSet(pairs, classes=classes, faults=faults)


def _files(root: Path) -> dict[str, list[Path]]:
    folders = split_folders(root) or {UNSPLIT: root}
    files = {split: _annotations(folder) for split, folder in folders.items()}
    return {split: paths for split, paths in files.items() if paths}


def _annotations(folder: Path) -> list[Path]:
    paths = [path for path in sorted(folder.rglob("*.json")) if path.is_file()]
    return [path for path in paths if _is_labelme(path)]


def _is_labelme(path: Path) -> bool:
    text = path.read_text("utf-8-sig", errors="replace")
    return '"shapes"' in text and '"imagePath"' in text


def _drawn(path: Path, content: Mapping[str, Any], label_ids: Mapping[str, int]) -> Ids:
    try:
        size = int(content["imageWidth"]), int(content["imageHeight"])
        return drawn(size, [_region(shape, label_ids) for shape in content["shapes"]])
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise DataError(f"{path}: cannot be drawn ({type(error).__name__}: {error})") from None


def _region(shape: Mapping[str, Any], label_ids: Mapping[str, int]) -> Region:
    label_id, kind = label_ids[str(shape["label"])], shape.get("shape_type", "polygon")
    points = [(float(x), float(y)) for x, y in shape["points"]]
    if kind == "mask":
        picture = Image.open(BytesIO(base64.b64decode(shape["mask"])), formats=("PNG",))
        check_pixels(picture.width * picture.height, "a mask")
        mask = np.asarray(picture.convert("1"))
        left, top = points[0]
        return Region(label_id, mask=mask, left=round(left), top=round(top))
    return Region(label_id, [_polygon(kind, points)])


def _polygon(kind: str, points: Points) -> Points:
    if kind == "polygon":
        return points
    (left, top), (right, bottom) = points
    if kind == "rectangle":
        return rectangle(min(left, right), min(top, bottom), max(left, right), max(top, bottom))
    if kind == "circle":  # Its centre, and a point on it.
        radius = float(np.hypot(right - left, bottom - top))
        return ellipse(left, top, radius, radius)
    raise ValueError(f"a shape of type {kind} covers no area; use polygon, rectangle, circle, mask")
