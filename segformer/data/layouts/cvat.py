"""CVAT for images 1.1: one XML file of polygons, masks, boxes and ellipses."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

from segformer.data.layouts.base import UNSPLIT, DataSet, LabelClass, Part
from segformer.data.layouts.drawing import Ids, Region, drawn, ellipse, mask_from_runs, rectangle
from segformer.data.layouts.names import IMAGES, SPLITS, subfolder
from segformer.data.pairs import Pair
from segformer.errors import DataError

_BACKGROUND = "background"
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
        classes = _classes(trees.values())
        label_ids = {each.name: each.value or 0 for each in classes}
        pairs: dict[str, list[Pair]] = {}
        absent = []
        for path, tree in trees.items():
            for image in tree.iter("image"):
                file = _image_file(root, image.get("name", ""), image.get("subset", ""))
                if file is None:
                    absent.append(image.get("name", ""))
                    continue
                split = _split(image.get("subset", ""), path.stem)
                draw = partial(_drawn, path, file, image, label_ids)
                pairs.setdefault(split, []).append(Pair(file.stem, file, path, draw))
        faults = []
        if absent:
            faults = [
                f"{root}: {len(absent)} images of CVAT's XML have no file in it or its images/: "
                f"{', '.join(absent[:3])}"
            ]
        return DataSet(pairs, classes=classes, faults=faults)


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


def _classes(trees: Iterable[ElementTree.Element]) -> list[LabelClass]:
    labels: dict[str, str] = {}
    for tree in trees:
        for label in tree.iter("label"):
            labels[label.findtext("name", "")] = label.findtext("color", "")
        for image in tree.iter("image"):
            labels |= {
                s.get("label", ""): "" for s in _shapes(image) if s.get("label") not in labels
            }
    names = [name for name in labels if name and name != _BACKGROUND]
    return [
        LabelClass(_BACKGROUND, 0),
        *(LabelClass(name, i, _colour(labels[name])) for i, name in enumerate(names, start=1)),
    ]


def _shapes(image: ElementTree.Element) -> list[ElementTree.Element]:
    return [each for each in image if each.get("label") is not None and each.tag != _TAG]


def _colour(text: str) -> tuple[int, int, int] | None:
    if len(text) != 7 or not text.startswith("#"):
        return None
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue


def _image_file(root: Path, name: str, subset: str) -> Path | None:
    images = subfolder(root, IMAGES) or root
    places = (root / name, images / name, images / subset / name, images / Path(name).name)
    return next((path for path in places if path.is_file()), None)


def _drawn(path: Path, file: Path, image: ElementTree.Element, label_ids: dict[str, int]) -> Ids:
    try:
        size = int(image.get("width", "")), int(image.get("height", ""))
        shapes = _shapes(image)
        shapes.sort(key=lambda shape: int(shape.get("z_order", 0)))
        return drawn(size, [_region(shape, label_ids) for shape in shapes])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{file}: cannot be drawn from {path.name} ({error})") from None


def _region(shape: ElementTree.Element, label_ids: dict[str, int]) -> Region:
    if not shape.get("label"):
        raise ValueError(f"a {shape.tag} has no label")
    label_id = label_ids[shape.get("label", "")]

    def numbers(*names: str) -> list[float]:
        return [float(shape.get(name, "")) for name in names]

    if shape.tag == "polygon":
        points = [point.split(",") for point in shape.get("points", "").split(";")]
        return Region(label_id, [[(float(x), float(y)) for x, y in points]])
    if shape.tag == "box":
        return Region(label_id, [rectangle(*numbers("xtl", "ytl", "xbr", "ybr"))])
    if shape.tag == "ellipse":
        return Region(label_id, [ellipse(*numbers("cx", "cy", "rx", "ry"))])
    if shape.tag == "mask":
        left, top, width, height = map(int, numbers("left", "top", "width", "height"))
        runs = [int(run) for run in shape.get("rle", "").split(",")]
        mask = mask_from_runs(runs, height, width, by_column=False)
        return Region(label_id, mask=mask, left=left, top=top)
    raise ValueError(f"a {shape.tag} covers no area; use polygon, mask, box, ellipse")
