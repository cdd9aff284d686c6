"""COCO: instances as polygons and run lengths in JSON files, one a split."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from segformer.data.layouts.base import UNSPLIT, DataSet, LabelClass, Part
from segformer.data.layouts.drawing import Ids, Region, coco_runs, drawn, mask_from_runs
from segformer.data.layouts.names import IMAGES, SPLITS, read_json, split_folders, subfolder
from segformer.data.pairs import Pair
from segformer.errors import DataError

_BACKGROUND = "background"
_WORDS = ('"images"', '"annotations"', '"categories"')


class Coco:
    """annotations/instances_<split>2017.json, or Roboflow's <split>/_annotations.coco.json."""

    name, title = "coco", "COCO"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the JSON files with COCO's words; see `Layout.parts`."""
        return [Part("a JSON file of images, annotations and categories", bool(_files(root)))]

    def read(self, root: Path) -> DataSet:
        """Read all annotations; categories become the classes 1, 2, ... above the background."""
        contents = {path: read_json(path) for path in _files(root)}
        used = {entry["category_id"] for each in contents.values() for entry in each["annotations"]}
        categories = {
            entry["id"]: entry["name"] for each in contents.values() for entry in each["categories"]
        }
        label_ids = {
            number: label_id
            for label_id, number in enumerate(sorted(used & categories.keys()), start=1)
        }
        unused = sorted(str(categories[number]) for number in categories.keys() - used)
        notes = [f"{', '.join(unused)}: no annotation has this category"] if unused else []
        pairs: dict[str, list[Pair]] = {}
        faults: list[str] = []
        for path, content in contents.items():
            found, absent = _pairs(root, path, content, label_ids)
            pairs.setdefault(_split(path), []).extend(found)
            if absent:
                faults.append(
                    f"{path}: {len(absent)} of {len(content['images'])} images have no file: "
                    f"{', '.join(absent[:3])}"
                )
        classes = [LabelClass(_BACKGROUND, 0)]
        classes += [LabelClass(str(categories[n]), i) for n, i in label_ids.items()]
        return DataSet(pairs, classes=classes, faults=faults, notes=notes)


def _files(root: Path) -> list[Path]:
    folders = [root, root / "annotations", *split_folders(root).values()]
    paths = [path for folder in folders for path in sorted(folder.glob("*.json")) if path.is_file()]
    files = [path for path in paths if _is_coco(path)]
    # COCO itself has the same images in other files too: keypoints, stuff, captions.
    return [path for path in files if path.name.startswith("instances")] or files


def _is_coco(path: Path) -> bool:
    text = path.read_text("utf-8-sig", errors="replace")
    return all(word in text for word in _WORDS) and not path.name.startswith("panoptic")


def _split(path: Path) -> str:
    """Return the split that the file's name, or its folder's, has in it."""
    for name in (path.stem.lower(), path.parent.name.lower()):
        words = "".join(c if c.isalpha() else " " for c in name).split()
        for split, names in SPLITS.items():
            if any(word in names for word in words):
                return split
    return UNSPLIT


def _pairs(
    root: Path, path: Path, content: Mapping[str, Any], label_ids: Mapping[int, int]
) -> tuple[list[Pair], list[str]]:
    """Return an image's pair for each that has a file, and the names of those that have none."""
    by_image: dict[int, list[Mapping[str, Any]]] = {}
    for entry in content["annotations"]:
        by_image.setdefault(entry["image_id"], []).append(entry)
    folders = list(_image_folders(root, path))
    pairs, absent = [], []
    for image in content["images"]:
        files = (folder / str(image["file_name"]) for folder in folders)
        file = next((file for file in files if file.is_file()), None)
        if file is None:
            absent.append(str(image["file_name"]))
            continue
        # Small things lie on large ones: a cup on a table, and not the other way about.
        entries = sorted(by_image.get(image["id"], ()), key=lambda e: -float(e.get("area", 0)))
        size = int(image["width"]), int(image["height"])
        draw = partial(_drawn, path, file, size, entries, label_ids)
        pairs.append(Pair(file.stem, file, path, draw))
    return pairs, absent


def _image_folders(root: Path, path: Path) -> Iterator[Path]:
    name = path.stem.removeprefix("instances_")
    images = subfolder(root, IMAGES)
    yield from (path.parent, root / name)
    yield from (images / name, images / _split(path), images) if images else ()
    yield from split_folders(root).values()
    yield root


def _drawn(
    path: Path,
    file: Path,
    size: tuple[int, int],
    entries: Sequence[Mapping[str, Any]],
    label_ids: Mapping[int, int],
) -> Ids:
    try:
        return drawn(size, [_region(entry, size, label_ids) for entry in entries])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{file}: cannot be drawn from {path.name} ({error})") from None


def _region(
    entry: Mapping[str, Any], size: tuple[int, int], label_ids: Mapping[int, int]
) -> Region:
    if entry["category_id"] not in label_ids:
        raise ValueError(f"category {entry['category_id']} is not among the categories")
    label_id, shape = label_ids[entry["category_id"]], entry.get("segmentation") or []
    if isinstance(shape, list):
        if any(len(part) % 2 for part in shape):
            raise ValueError("a polygon has an odd number of coordinates")
        polygons = [list(zip(part[::2], part[1::2], strict=True)) for part in shape]
        return Region(label_id, polygons)
    height, width = shape["size"]
    if (width, height) != size:
        raise ValueError(f"a mask of {width}x{height} for an image of {size[0]}x{size[1]}")
    counts = shape["counts"]
    runs = coco_runs(counts) if isinstance(counts, str) else counts
    return Region(label_id, mask=mask_from_runs(runs, height, width, by_column=True))
