"""Label Studio: a JSON export of polygons, brushes, rectangles and ellipses."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from segformer.data.images import image_size
from segformer.data.layouts.base import UNSPLIT, DataSet, Part
from segformer.data.layouts.drawing import (
    Ids,
    Region,
    drawn,
    ellipse,
    label_studio_values,
    rectangle,
    turned,
)
from segformer.data.layouts.fields import (
    COUNT,
    NUMBER,
    NUMBERS,
    OBJECT,
    OBJECTS,
    POINTS,
    check,
    check_fields,
)
from segformer.data.layouts.image_files import ImageFiles, absent_images, spellings
from segformer.data.layouts.label_ids import drawn_classes
from segformer.data.layouts.names import read_json
from segformer.data.pairs import Pair
from segformer.errors import DataError

_KINDS = ("polygonlabels", "brushlabels", "rectanglelabels", "ellipselabels")
_FIELDS = {
    "polygonlabels": {"points": POINTS},
    "brushlabels": {"rle": NUMBERS},
    "rectanglelabels": dict.fromkeys(("x", "y", "width", "height"), NUMBER),
    "ellipselabels": dict.fromkeys(("x", "y", "radiusX", "radiusY"), NUMBER),
}
_OPAQUE = 128
_UPLOAD = re.compile(r"^[0-9a-f]{8}-")
"""Label Studio writes eight digits before the names of files that were uploaded."""


class LabelStudio:
    """Of several annotations of a task, the first that was not cancelled is taken."""

    name, title = "labelstudio", "Label Studio (JSON)"

    def parts(self, root: Path) -> Sequence[Part]:
        """Return the JSON file of tasks; see `Layout.parts`."""
        return [Part("a JSON export of tasks with annotations", _file(root) is not None)]

    def read(self, root: Path) -> DataSet:
        """Read all tasks; labels become the classes 1, 2, ... in order of name."""
        path = _file(root)
        if path is None:
            return DataSet({})
        tasks = _checked(path)
        labels = {label for task in tasks for result in _results(task) for label in _labels(result)}
        if not labels:
            return DataSet({}, faults=[_without_labels(path, tasks)])
        classes, label_ids = drawn_classes(sorted(labels))
        pairs, absent, files = [], [], ImageFiles(root)
        for task in tasks:
            names = _image_names(task)
            file = next((file for name in names if (file := files.find(name))), None)
            if file is None:
                absent.append(names[0] if names else f"task {task.get('id')}")
            elif _annotation(task) is not None:
                draw = partial(_drawn, path, task, label_ids, file)
                pairs.append(Pair(file.stem, file, path, draw))
        faults, notes = absent_images(path, absent, len(tasks), root)
        return DataSet(
            {UNSPLIT: pairs}, classes=classes, faults=faults, notes=[*notes, *_notes(path, tasks)]
        )


def _file(root: Path) -> Path | None:
    paths = [path for path in sorted(root.glob("*.json")) if path.is_file()]
    return next((path for path in paths if _is_export(path)), None)


def _checked(path: Path) -> Sequence[Mapping[str, Any]]:
    tasks: Sequence[Mapping[str, Any]] = read_json(path)
    check(tasks, OBJECTS, path)
    for number, task in enumerate(tasks):
        kinds = {"annotations": OBJECTS, "data": OBJECT}
        check_fields(task, kinds, path, f"[{number}]", optional=[*kinds])
        for at, annotation in enumerate(task.get("annotations") or ()):
            place = f"[{number}].annotations[{at}]"
            check_fields(annotation, {"result": OBJECTS}, path, place, optional=["result"])
            for each, result in enumerate(annotation.get("result") or ()):
                _check_result(result, path, f"{place}.result[{each}]")
    return tasks


def _check_result(result: Mapping[str, Any], path: Path, place: str) -> None:
    if result.get("type") in _KINDS:
        sizes = dict.fromkeys(("original_width", "original_height"), COUNT)
        check_fields(result, {"value": OBJECT, **sizes}, path, place)
        check_fields(result["value"], _FIELDS[result["type"]], path, f"{place}.value")


def _is_export(path: Path) -> bool:
    text = path.read_text("utf-8-sig", errors="replace")
    return text.lstrip().startswith("[") and '"annotations"' in text and '"result"' in text


def _annotation(task: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the first annotation of a task that was not cancelled."""
    valid = [each for each in task.get("annotations") or () if not each.get("was_cancelled")]
    return valid[0] if valid else None


def _results(task: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    results = (_annotation(task) or {}).get("result") or ()
    return [result for result in results if result.get("type") in _KINDS]


def _notes(path: Path, tasks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    bare = sum(_annotation(task) is None for task in tasks)
    if bare:
        yield f"{path}: {bare} tasks without annotations are left out"
    several = sum(
        sum(not each.get("was_cancelled") for each in task.get("annotations") or ()) > 1
        for task in tasks
    )
    if several:
        yield (
            f"{path}: {several} tasks have several annotations, of which the first is used; export "
            "the one to use as ground truth alone if they differ"
        )

    counts = [len([*_labels(result)]) for task in tasks for result in _results(task)]
    if unnamed := counts.count(0):
        yield f"{path}: {unnamed} regions have no label and are left out"
    if ambiguous := sum(count > 1 for count in counts):
        yield f"{path}: {ambiguous} regions have several labels, of which the first counts"


def _without_labels(path: Path, tasks: Sequence[Mapping[str, Any]]) -> str:
    """Return the line on tasks that give nothing to learn."""
    if any(_annotation(task) for task in tasks):
        kinds = ", ".join(kind.removesuffix("labels") for kind in _KINDS)
        return f"{path}: no annotation has a labelled region ({kinds})"
    has_predictions = any(task.get("predictions") for task in tasks)
    also = ", but predictions, which are not read: accept them first" if has_predictions else ""
    return f"{path}: no task has an annotation{also}"


def _labels(result: Mapping[str, Any]) -> Iterator[str]:
    yield from map(str, result["value"].get(result["type"]) or ())


def _image_names(task: Mapping[str, Any]) -> list[str]:
    """Return the names that an image may have: of /data/upload/1/ab12cd34-a.jpg that and a.jpg.

    Others are /data/local-files/?d=x/a.jpg, addresses, and the name of an upload by itself.
    """
    data = task.get("data") or {}
    address = data.get("image") or next((v for v in data.values() if isinstance(v, str)), "")
    parts = urlsplit(str(address))
    place = parse_qs(parts.query).get("d", [parts.path])[0]
    said = (place, task.get("file_upload") or "")
    names = [each.lstrip("/") for name in said for each in spellings(str(name))]
    files = [name.rpartition("/")[2] for name in names]
    return [name for each in (*names, *files) if each for name in (each, _UPLOAD.sub("", each))]


def _drawn(path: Path, task: Mapping[str, Any], label_ids: Mapping[str, int], file: Path) -> Ids:
    try:
        results = _results(task)
        if not results:  # An image that shows none of the classes.
            height, width = image_size(file)
            return drawn((width, height), [])
        size = int(results[0]["original_width"]), int(results[0]["original_height"])
        regions = [_region(each, size, label_ids) for each in results if [*_labels(each)]]
        return drawn(size, regions)
    except ValueError as error:
        raise DataError(f"{file}: cannot be drawn from {path.name} ({error})") from None


def _region(
    result: Mapping[str, Any], size: tuple[int, int], label_ids: Mapping[str, int]
) -> Region:
    value, kind, (width, height) = result["value"], result["type"], size
    label_id = label_ids[next(_labels(result))]
    if kind == "brushlabels":
        values = label_studio_values(value["rle"], width * height * 4)
        return Region(label_id, mask=values.reshape(height, width, 4)[..., 3] >= _OPAQUE)

    def scaled(x: float, y: float) -> tuple[float, float]:
        return x * width / 100, y * height / 100  # Label Studio gives shares of 100.

    if kind == "polygonlabels":
        return Region(label_id, [[scaled(x, y) for x, y in value["points"]]])
    left, top = scaled(value["x"], value["y"])
    angle = float(value.get("rotation") or 0)
    if kind == "ellipselabels":
        points = ellipse(left, top, *scaled(value["radiusX"], value["radiusY"]))
        return Region(label_id, [turned(points, angle, (left, top))])
    right, bottom = scaled(value["x"] + value["width"], value["y"] + value["height"])
    # A rectangle is turned about the corner that x and y name.
    return Region(label_id, [turned(rectangle(left, top, right, bottom), angle, (left, top))])
