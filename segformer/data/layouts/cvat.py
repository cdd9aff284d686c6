"""CVAT for images 1.1: one XML file of polygons, masks, boxes and ellipses."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

from segformer.data.layouts.base import UNSPLIT, DataSet, LabelClass, Part
from segformer.data.layouts.drawing import (
    Ids,
    Region,
    drawn,
    ellipse,
    mask_from_runs,
    rectangle,
    turned,
)
from segformer.data.layouts.image_files import ImageFiles, absent_images
from segformer.data.layouts.label_ids import as_background, drawn_classes, left_out
from segformer.data.layouts.names import IMAGES, SPLITS, subfolder
from segformer.data.pairs import Pair
from segformer.errors import DataError

_WITHOUT_AREA = ("polyline", "points", "skeleton", "cuboid")
_NO_SHAPES = (
    "CVAT's XML has no polygon, mask, box or ellipse: it labels whole images, points or lines, and "
    "no areas"
)
_TAG = "tag"
"""An annotation of a whole image, which covers no pixels."""


class Cvat:
    """One file (annotations.xml), or one a split (train.xml); drawn in CVAT's order of z."""

    name, title = "cvat", "CVAT for images (XML)"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the XML files; see `Layout.parts`."""
        return [Part("annotations.xml of CVAT for images", bool(_trees(root)))]

    def read(self, root: Path) -> DataSet:
        """Read all shapes; labels become classes in the order of the task, after background."""
        trees = _trees(root)
        images = [(path, image) for path, tree in trees.items() for image in tree.iter("image")]
        if not any(_shapes(image) for _, image in images):
            return DataSet({}, faults=[f"{root}: {_NO_SHAPES}"])
        classes, label_ids = _classes(trees.values())
        pairs: dict[str, list[Pair]] = {}
        absent, files = [], ImageFiles(root)
        for path, image in images:
            name, subset = image.get("name", ""), image.get("subset", "")
            file = files.find(name, list(_folders(root, subset)))
            if file is None:
                absent.append(name)
                continue
            draw = partial(_drawn, path, file, image, label_ids)
            split = _split(subset, path.stem)
            pairs.setdefault(split, []).append(Pair(file.stem, file, path, draw))
        faults, notes = absent_images(root, absent, len(images), root)
        shapes = [shape for _, image in images for shape in image]
        thin = [(s.tag, s.get("label", "")) for s in shapes if s.tag in _WITHOUT_AREA]
        notes += left_out(root, thin)
        bare = sum(not len(image) for _, image in images)
        notes += as_background(root, bare, len(images), "annotation")
        return DataSet(pairs, classes=classes, faults=faults, notes=notes)


def _trees(root: Path) -> dict[Path, ElementTree.Element]:
    trees = {path: _tree(path) for path in sorted(root.glob("*.xml")) if path.is_file()}
    return {path: tree for path, tree in trees.items() if tree is not None}


def _tree(path: Path) -> ElementTree.Element | None:
    try:
        tree = ElementTree.parse(path).getroot()
    except ElementTree.ParseError:
        return None
    is_for_images = tree.tag == "annotations" and tree.find("image") is not None
    return tree if is_for_images else None


def _split(*names: str) -> str:
    words = [name.lower() for name in names]
    return next((split for split, known in SPLITS.items() if {*words} & {*known}), UNSPLIT)


def _classes(
    trees: Iterable[ElementTree.Element],
) -> tuple[list[LabelClass], dict[str, int]]:
    labels: dict[str, str] = {}
    for tree in trees:
        for label in tree.iter("label"):
            if label.findtext("type", "any") not in (_TAG, *_WITHOUT_AREA):
                labels[label.findtext("name", "")] = label.findtext("color", "")
        for image in tree.iter("image"):
            labels |= {
                s.get("label", ""): "" for s in _shapes(image) if s.get("label") not in labels
            }
    classes, label_ids = drawn_classes(name for name in labels if name)
    above = [replace(each, colour=_colour(labels[each.name])) for each in classes[1:]]
    return [classes[0], *above], label_ids


def _shapes(image: ElementTree.Element) -> list[ElementTree.Element]:
    """Return the shapes that cover an area, and unknown ones, which are refused when drawn."""
    return [each for each in image if each.tag not in (_TAG, *_WITHOUT_AREA)]


def _colour(text: str) -> tuple[int, int, int] | None:
    if len(text) != 7 or not text.startswith("#"):
        return None
    try:
        red, green, blue = bytes.fromhex(text[1:])
    except ValueError:
        raise ValueError(f"a label has the color {text!r}, not one like #ff8000") from None
    return red, green, blue


def _folders(root: Path, subset: str) -> Iterator[Path]:
    """Yield the folders that may have the images of a subset of a project."""
    images = subfolder(root, IMAGES) or root
    yield from (images / subset, images, root / subset) if subset else (images,)


def _drawn(path: Path, file: Path, image: ElementTree.Element, label_ids: dict[str, int]) -> Ids:
    try:
        size = round(_number(image, "width")), round(_number(image, "height"))
        shapes = _shapes(image)
        shapes.sort(key=lambda shape: _number(shape, "z_order", "0"))
        return drawn(size, [_region(shape, label_ids) for shape in shapes])
    except ValueError as error:
        raise DataError(f"{file}: cannot be drawn from {path.name} ({error})") from None


def _region(shape: ElementTree.Element, label_ids: dict[str, int]) -> Region:
    if not shape.get("label"):
        raise ValueError(f"a {shape.tag} has no label")
    label_id = label_ids[shape.get("label", "")]

    angle = _number(shape, "rotation", "0")

    def numbers(*names: str) -> list[float]:
        return [_number(shape, name) for name in names]

    if shape.tag == "polygon":
        return Region(label_id, [_points(shape.get("points", ""))])
    if shape.tag == "box":
        left, top, right, bottom = numbers("xtl", "ytl", "xbr", "ybr")
        centre = (left + right) / 2, (top + bottom) / 2
        return Region(label_id, [turned(rectangle(left, top, right, bottom), angle, centre)])
    if shape.tag == "ellipse":
        x, y, radius_x, radius_y = numbers("cx", "cy", "rx", "ry")
        return Region(label_id, [turned(ellipse(x, y, radius_x, radius_y), angle, (x, y))])
    if shape.tag == "mask":
        place = [int(number) for number in numbers("left", "top", "width", "height")]
        runs = _runs(shape.get("rle", ""))
        mask = mask_from_runs(runs, place[3], place[2], by_column=False)
        return Region(label_id, mask=mask, left=place[0], top=place[1])
    raise ValueError(f"a {shape.tag} is not known; use polygon, mask, box, ellipse")


def _number(element: ElementTree.Element, name: str, default: str = "") -> float:
    text = element.get(name, default)
    try:
        return float(text)
    except ValueError:
        said = f"{name}={text!r}" if name in element.attrib else f"no {name}"
        raise ValueError(f"{element.tag} has {said}, where a number is expected") from None


def _points(text: str) -> list[tuple[float, float]]:
    try:
        return [(float(x), float(y)) for x, y in (each.split(",") for each in text.split(";"))]
    except ValueError:
        raise ValueError(f"a polygon has points={text[:60]!r}, not x,y;x,y;...") from None


def _runs(text: str) -> list[int]:
    try:
        return [int(run) for run in text.split(",")]
    except ValueError:
        raise ValueError(f"a mask has rle={text[:60]!r}, not whole numbers like 4, 2, 3") from None
