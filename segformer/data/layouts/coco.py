"""COCO: instances as polygons and run lengths in JSON files, one a split."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from segformer.data.images import image_size
from segformer.data.layouts.base import UNSPLIT, DataSet, Part
from segformer.data.layouts.drawing import (
    Ids,
    Region,
    coco_runs,
    drawn,
    mask_from_runs,
    shares_line,
)
from segformer.data.layouts.fields import COUNT, ID, NAME, NUMBER, OBJECTS, Kind, check_fields
from segformer.data.layouts.image_files import ImageFiles, absent_images
from segformer.data.layouts.label_ids import as_background, drawn_classes, left_out
from segformer.data.layouts.names import (
    IMAGES,
    MASKS,
    listed,
    read_json,
    split_folders,
    split_of,
    subfolder,
)
from segformer.data.pairs import Pair
from segformer.errors import DataError

_WORDS = ('"images"', '"annotations"', '"categories"')
_BOXES = (
    "holds boxes without outlines, as for detection: export it with polygons or masks (instance "
    "segmentation)"
)

_NUMBERS_OF_AN_AREA = 6

Content = Mapping[str, Any]


def _is_outline(value: object) -> bool:
    if isinstance(value, Mapping):
        size, counts = value.get("size"), value.get("counts")
        return isinstance(size, list) and len(size) == 2 and isinstance(counts, list | str)
    return isinstance(value, list) and all(isinstance(part, list) for part in value)


_OUTLINE = Kind(
    'a list of polygons [[x, y, x, y, ...], ...] or runs {"size": [...], "counts": ...}',
    _is_outline,
)
_FIELDS = {
    "images": {"id": ID, "file_name": NAME, "width": COUNT, "height": COUNT},
    "annotations": {
        "image_id": ID,
        "category_id": ID,
        "segmentation": _OUTLINE,
        "area": NUMBER,
    },
    "categories": {"id": ID, "name": NAME},
}
_OPTIONAL = ("width", "height", "segmentation", "area")


class Coco:
    """annotations/instances_<split>2017.json, or Roboflow's <split>/_annotations.coco.json."""

    name, title = "coco", "COCO"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the JSON files with COCO's words; see `Layout.parts`."""
        return [Part("a JSON file of images, annotations and categories", bool(_files(root)))]

    def read(self, root: Path) -> DataSet:
        """Read all annotations; categories become the classes 1, 2, ... above the background.

        Categories of several files are the same if their names are: numbers may differ.
        """
        contents = {path: _checked(path) for path in _files(root)}
        names = {path: _names(content) for path, content in contents.items()}
        used = {
            names[path][entry["category_id"]]
            for path, content in contents.items()
            for entry in content["annotations"] if entry["category_id"] in names[path]
        }  # fmt: skip
        every = list(dict.fromkeys(name for each in names.values() for name in each.values()))
        classes, ids = drawn_classes(name for name in every if name in used)
        unused = sorted(set(every) - used)
        notes = [f"{root}: no annotation has the category {listed(unused)}"] if unused else []
        pairs: dict[str, list[Pair]] = {}
        faults: list[str] = []
        files = ImageFiles(root)
        for path, content in contents.items():
            label_ids = {number: ids[n] for number, n in names[path].items() if n in ids}
            found, absent = _pairs(root, path, content, label_ids, files)
            pairs.setdefault(_split(root, path), []).extend(found)
            more_faults, more_notes = absent_images(path, absent, len(content["images"]), root)
            folders = list(_image_folders(root, path))
            out = [name for name in absent if files.leads_out(name, folders)]
            faults += [f"{path}: the file_name {name!r} leads out of {root}" for name in out[:1]]
            faults += [*more_faults, *_doubles(path, content), *_shares(path, content)]
            faults += _without_category(path, content["annotations"], names[path])
            notes += [*more_notes, *_of_one_name(path, names[path])]
            notes += left_out(path, _thin(content["annotations"], names[path]))
            for lines, is_fault in ((faults, True), (notes, False)):
                lines += _without_outline(path, content["annotations"], is_fault=is_fault)
                lines += _without_image(path, content, is_fault=is_fault)
            annotated = {entry["image_id"] for entry in content["annotations"]}
            bare = sum(image["id"] not in annotated for image in content["images"])
            notes += as_background(path, bare, len(content["images"]), "annotation")
        return DataSet(pairs, classes=classes, faults=faults, notes=notes)


def _checked(path: Path) -> Content:
    content: Content = read_json(path)
    check_fields(content, dict.fromkeys(_FIELDS, OBJECTS), path)
    for kind, fields in _FIELDS.items():
        for number, entry in enumerate(content[kind]):
            check_fields(entry, fields, path, f"{kind}[{number}]", optional=_OPTIONAL)
    return content


def _thin(entries: Sequence[Content], names: Mapping[int, str]) -> list[tuple[str, str]]:
    """Return kind and category of the polygons of fewer than three points."""
    return [
        ("polygon", names.get(entry["category_id"], ""))
        for entry in entries
        if isinstance(entry.get("segmentation"), list)
        for part in entry["segmentation"]
        if len(part) < _NUMBERS_OF_AN_AREA and len(part) % 2 == 0
    ]


def _shares(path: Path, content: Content) -> list[str]:
    """Return the fault of polygons in shares of the image's size."""
    outlines = (entry.get("segmentation") for entry in content["annotations"])
    polygons = (part for each in outlines if isinstance(each, list) for part in each)
    line = shares_line(number for part in polygons for number in part)
    return [f"{path}: {line}"] if line else []


def _without_category(
    path: Path, entries: Sequence[Content], names: Mapping[int, str]
) -> list[str]:
    strange = Counter(e["category_id"] for e in entries if e["category_id"] not in names)
    if not strange:
        return []
    known = listed(map(repr, names)) or "none"
    return [
        f"{path}: {strange.total()} of {len(entries)} annotations have a category_id that no "
        f"category has: {listed(map(repr, strange))}; the categories have {known}"
    ]


def _split(root: Path, path: Path) -> str:
    """Return the split that the file's name, or that of its folder within the set, has in it."""
    folder = path.parent.name if path.parent != root else ""
    return split_of(path.stem) or split_of(folder) or UNSPLIT


def _names(content: Content) -> dict[int, str]:
    """Return the names of the categories by number, in order of number."""
    names = {entry["id"]: str(entry["name"]) for entry in content["categories"]}
    return {number: names[number] for number in sorted(names, key=lambda n: (str(type(n)), n))}


def _without_outline(path: Path, entries: Sequence[Content], *, is_fault: bool) -> list[str]:
    """Return the line on annotations that are boxes: a fault if all are, else a note."""
    boxes = sum(not entry.get("segmentation") for entry in entries)
    if not boxes or (boxes == len(entries)) != is_fault:
        return []
    if is_fault:
        has_captions = any("caption" in entry for entry in entries)
        return [f"{path}: {'holds captions, and no outlines' if has_captions else _BOXES}"]
    return [f"{path}: {boxes} of {len(entries)} annotations have no outline and are left out"]


def _without_image(path: Path, content: Content, *, is_fault: bool) -> list[str]:
    """Return the line on annotations of unknown images: a fault if all are, else a note."""
    known, entries = {image["id"] for image in content["images"]}, content["annotations"]
    strange = [entry["image_id"] for entry in entries if entry["image_id"] not in known]
    if not strange or (len(strange) == len(entries)) != is_fault:
        return []
    line = f"{len(strange)} of {len(entries)} annotations have an image_id that no image has"
    end = "" if is_fault else "; they are left out"
    return [f"{path}: {line}: {listed(dict.fromkeys(strange))}{end}"]


def _doubles(path: Path, content: Content) -> list[str]:
    """Return the faults of ids that two images or two categories have."""
    faults = []
    for kind, key in (("images", "file_name"), ("categories", "name")):
        by_id: dict[Any, list[str]] = {}
        for entry in content[kind]:
            by_id.setdefault(entry["id"], []).append(str(entry[key]))
        twice = ((number, each) for number, each in by_id.items() if len(each) > 1)
        faults += [
            f"{path}: {len(each)} {kind} have the id {n}: {listed(each)}" for n, each in twice
        ]
    return faults


def _of_one_name(path: Path, names: Mapping[int, str]) -> list[str]:
    by_name: dict[str, list[int]] = {}
    for number, name in names.items():
        by_name.setdefault(name, []).append(number)
    several = {name: numbers for name, numbers in by_name.items() if len(numbers) > 1}
    return [
        f"{path}: the categories {listed(numbers)} are all called {name}: they are one class"
        for name, numbers in several.items()
    ]


def _files(root: Path) -> list[Path]:
    named = [path for name in MASKS if (path := subfolder(root, (name,)))]
    folders = dict.fromkeys([root, *named, *split_folders(root).values()])
    paths = [path for folder in folders for path in sorted(folder.glob("*.json")) if path.is_file()]
    files = [path for path in paths if _is_coco(path)]
    # COCO itself has the same images in other files too: keypoints, stuff, captions.
    return [path for path in files if path.name.startswith("instances")] or files


def _is_coco(path: Path) -> bool:
    text = path.read_text("utf-8-sig", errors="replace")
    return all(word in text for word in _WORDS) and not path.name.startswith("panoptic")


def _pairs(
    root: Path, path: Path, content: Content, label_ids: Mapping[int, int], files: ImageFiles
) -> tuple[list[Pair], list[str]]:
    """Return an image's pair for each that has a file, and the names of those that have none."""
    by_image: dict[int, list[Content]] = {}
    for entry in content["annotations"]:
        if entry["category_id"] not in label_ids:
            continue  # A fault of the file says so.
        by_image.setdefault(entry["image_id"], []).append(entry)
    folders = list(_image_folders(root, path))
    pairs, absent = [], []
    for image in content["images"]:
        file = files.find(str(image["file_name"]), folders)
        if file is None:
            absent.append(str(image["file_name"]))
            continue
        # Small things lie on large ones: a cup on a table, and not the other way about.
        entries = sorted(by_image.get(image["id"], ()), key=lambda e: -float(e.get("area") or 0))
        said = image.get("width"), image.get("height")
        size = None if None in said else (int(said[0] or 0), int(said[1] or 0))
        draw = partial(_drawn, path, file, size, entries, label_ids)
        pairs.append(Pair(file.stem, file, path, draw))
    return pairs, absent


def _image_folders(root: Path, path: Path) -> Iterator[Path]:
    """Yield the folders that may have the images of a file, those of its split first."""
    name, split = path.stem.removeprefix("instances_"), _split(root, path)
    beside, images = subfolder(path.parent, IMAGES), subfolder(root, IMAGES)
    yield path.parent
    yield from (beside,) if beside and path.parent != root else ()
    yield root / name
    for folder in (root, images):
        splits = split_folders(folder) if folder else {}
        if split in splits:
            inner = subfolder(splits[split], IMAGES)
            yield from (splits[split], *((inner,) if inner else ()))
    yield from (images / name, images) if images else ()


def _drawn(
    path: Path,
    file: Path,
    size: tuple[int, int] | None,
    entries: Sequence[Content],
    label_ids: Mapping[int, int],
) -> Ids:
    """Draw an image's annotations, of its own size if the file does not say it."""
    try:
        if size is None:
            height, width = image_size(file)
            size = width, height
        return drawn(size, [_region(entry, size, label_ids) for entry in entries])
    except (TypeError, ValueError) as error:
        raise DataError(f"{file}: cannot be drawn from {path.name} ({error})") from None


def _region(entry: Content, size: tuple[int, int], label_ids: Mapping[int, int]) -> Region:
    label_id, shape = label_ids[entry["category_id"]], entry.get("segmentation") or []
    if isinstance(shape, list):
        if any(len(part) % 2 for part in shape):
            raise ValueError("a polygon has an odd number of coordinates")
        if strange := [v for part in shape for v in part if not NUMBER.holds(v)]:
            raise ValueError(f"a polygon has the coordinate {strange[0]!r}, which is no number")
        areas = [part for part in shape if len(part) >= _NUMBERS_OF_AN_AREA]
        polygons = [list(zip(part[::2], part[1::2], strict=True)) for part in areas]
        return Region(label_id, polygons)
    height, width = shape["size"]
    if (width, height) != size:
        raise ValueError(f"a mask of {width}x{height} for an image of {size[0]}x{size[1]}")
    counts = shape["counts"]
    runs = coco_runs(counts) if isinstance(counts, str) else counts
    return Region(label_id, mask=mask_from_runs(runs, height, width, by_column=True))
