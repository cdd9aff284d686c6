"""LabelMe: a JSON file of shapes beside each image."""

import base64
from collections.abc import Mapping, Sequence
from functools import partial
from glob import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segformer.data.images import check_pixels, image_size
from segformer.data.layouts.base import IGNORED, UNSPLIT, DataSet, Part
from segformer.data.layouts.drawing import (
    Ids,
    Points,
    Region,
    drawn,
    ellipse,
    rectangle,
    shares_line,
)
from segformer.data.layouts.fields import COUNT, NAME, OBJECTS, POINTS, check_fields
from segformer.data.layouts.image_files import ImageFiles
from segformer.data.layouts.label_ids import drawn_classes, left_out
from segformer.data.layouts.names import files_below, read_json, split_folders
from segformer.data.pairs import Pair, is_image_file
from segformer.errors import DataError

_IGNORED = "__ignore__"
_WITHOUT_AREA = ("line", "linestrip", "point", "points")
_POINTS_OF_AN_AREA = 3
_CORNERS = 4
_WITHIN = "; it lies within the JSON file (imageData): write it out, as labelme_export_json does"


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
            split: {path: _checked(path) for path in paths} for split, paths in _files(root).items()
        }
        shapes = [s for each in contents.values() for c in each.values() for s in c["shapes"]]
        labels = {str(s["label"]) for s in shapes if _covers_area(s)} - {_IGNORED}
        classes, label_ids = drawn_classes(sorted(labels))
        label_ids |= {_IGNORED: IGNORED}
        thin = [(_kind(s), str(s["label"])) for s in shapes if not _covers_area(s)]
        if thin and len(thin) == len(shapes):
            (line,) = left_out(root, thin)
            return DataSet({}, faults=[f"{line}, and there are no others; draw polygons"])
        pairs: dict[str, list[Pair]] = {}
        line = shares_line(v for s in shapes for point in s["points"] for v in point)
        faults, files = [f"{root}: {line}"] if line else [], ImageFiles(root)
        renamed = []
        for split, by_path in contents.items():
            for path, content in by_path.items():
                image = files.find(str(content["imagePath"]), [path.parent])
                if image is None and (image := _beside(path)) is not None:
                    renamed.append(path)
                if image is None:
                    where = f"its image {content['imagePath']} does not exist below {root}"
                    hint = _WITHIN if content.get("imageData") else ""
                    faults.append(f"{path}: {where}{hint}")
                    continue
                draw = partial(_drawn, path, image, content, label_ids)
                pairs.setdefault(split, []).append(Pair(path.stem, image, path, draw))
        notes = left_out(root, thin)
        if renamed:
            notes.append(
                f"{root}: {len(renamed)} JSON files, as {renamed[0].name}, name images that are not"
                " there; the images beside them of their own names are read"
            )
        return DataSet(pairs, classes=classes, faults=faults, notes=notes)


def _beside(path: Path) -> Path | None:
    """Return the only image beside a file of the same stem, as of one renamed or converted."""
    beside = [p for p in path.parent.glob(f"{escape(path.stem)}.*") if is_image_file(p)]
    return beside[0] if len(beside) == 1 else None


def _checked(path: Path) -> Mapping[str, Any]:
    content: Mapping[str, Any] = read_json(path)
    sizes = ("imageWidth", "imageHeight")
    kinds = {"shapes": OBJECTS, "imagePath": NAME}
    check_fields(content, kinds, path)
    check_fields({k: content.get(k) or None for k in sizes}, dict.fromkeys(sizes, COUNT), path,
                 optional=sizes)  # fmt: skip
    for number, shape in enumerate(content["shapes"]):
        kinds = {"label": NAME, "points": POINTS}
        kinds |= {"mask": NAME} if _kind(shape) == "mask" else {}
        check_fields(shape, kinds, path, f"shapes[{number}]")
    return content


def _files(root: Path) -> dict[str, list[Path]]:
    folders = split_folders(root) or {UNSPLIT: root}
    files = {split: _annotations(folder) for split, folder in folders.items()}
    return {split: paths for split, paths in files.items() if paths}


def _annotations(folder: Path) -> list[Path]:
    return [p for p in files_below(folder) if p.suffix.lower() == ".json" and _is_labelme(p)]


def _is_labelme(path: Path) -> bool:
    text = path.read_text("utf-8-sig", errors="replace")
    return '"shapes"' in text and '"imagePath"' in text


def _kind(shape: Mapping[str, Any]) -> str:
    return str(shape.get("shape_type") or "polygon")


def _covers_area(shape: Mapping[str, Any]) -> bool:
    """Whether a shape is no line or point, nor a polygon that was closed too early."""
    kind, points = _kind(shape), shape.get("points")
    is_thin = kind == "polygon" and isinstance(points, list) and len(points) < _POINTS_OF_AN_AREA
    return kind not in _WITHOUT_AREA and not is_thin


def _drawn(
    path: Path, image: Path, content: Mapping[str, Any], label_ids: Mapping[str, int]
) -> Ids:
    try:
        size = int(content.get("imageWidth") or 0), int(content.get("imageHeight") or 0)
        if min(size) <= 0:  # Other programs that write this format leave it out.
            height, width = image_size(image)
            size = width, height
        shapes = [shape for shape in content["shapes"] if _covers_area(shape)]
        return drawn(size, [_region(shape, label_ids) for shape in shapes])
    except (ValueError, OSError) as error:
        raise DataError(f"{path}: cannot be drawn ({error})") from None


def _region(shape: Mapping[str, Any], label_ids: Mapping[str, int]) -> Region:
    label_id, kind = label_ids[str(shape["label"])], _kind(shape)
    points = [(float(x), float(y)) for x, y in shape["points"]]
    if kind == "mask":
        picture = Image.open(BytesIO(base64.b64decode(shape["mask"])), formats=("PNG",))
        check_pixels(picture.width * picture.height, "a mask")
        if not points:
            raise ValueError("a mask has no points, which say where it lies")
        left, top = points[0]
        return Region(label_id, mask=_marked(picture), left=round(left), top=round(top))
    return Region(label_id, [_polygon(kind, points)])


def _marked(picture: Image.Image) -> NDArray[np.bool_]:
    """Return where a mask is not 0, HxW: the tool writes 8 bits of 0 and 1, others 0 and 255."""
    is_plain = picture.mode in ("1", "L", "P", "I", "I;16")
    values = np.asarray(picture if is_plain else picture.convert("RGB"))
    marked: NDArray[np.bool_] = values.reshape(picture.height, picture.width, -1).max(axis=2) > 0
    return marked


def _polygon(kind: str, points: Points) -> Points:
    if kind in ("polygon", "oriented_rectangle", "rotation"):  # Turned ones have four corners.
        return points
    if kind == "rectangle" and len(points) == _CORNERS:  # As X-AnyLabeling has them.
        return points
    if kind not in ("rectangle", "circle"):
        raise ValueError(
            f"a shape of type {kind} is not known; use polygon, rectangle, circle, mask"
        )
    if len(points) != 2:
        raise ValueError(f"a {kind} has {len(points)} points, not 2")
    (left, top), (right, bottom) = points
    if kind == "rectangle":
        return rectangle(min(left, right), min(top, bottom), max(left, right), max(top, bottom))
    radius = float(np.hypot(right - left, bottom - top))  # From the centre to a point on it.
    return ellipse(left, top, radius, radius)
