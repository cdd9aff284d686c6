"""Label Studio: a JSON export of polygons, brushes, rectangles and ellipses."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from segformer.data.layouts.base import UNSPLIT, DataSet, LabelClass, Part
from segformer.data.layouts.drawing import (
    Ids,
    Region,
    drawn,
    ellipse,
    label_studio_values,
    rectangle,
)
from segformer.data.layouts.names import read_json
from segformer.data.pairs import Pair, is_image_file
from segformer.errors import DataError

_KINDS = ("polygonlabels", "brushlabels", "rectanglelabels", "ellipselabels")
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
        tasks = read_json(path)
        labels = {label for task in tasks for result in _results(task) for label in _labels(result)}
        label_ids = {label: number for number, label in enumerate(sorted(labels), start=1)}
        files = {file.name: file for file in sorted(root.rglob("*")) if is_image_file(file)}
        pairs, absent, bare = [], [], 0
        for task in tasks:
            name = _image_name(task)
            file = files.get(name) or files.get(_UPLOAD.sub("", name))
            bare += not task.get("annotations")
            if file is None:
                absent.append(name)
            elif task.get("annotations"):
                draw = partial(_drawn, path, task, label_ids, file)
                pairs.append(Pair(file.stem, file, path, draw))
        faults = [f"{path}: {len(absent)} images have no file below {root}: "
                  f"{', '.join(absent[:3])}"] if absent else []  # fmt: skip
        notes = [f"{path}: {bare} tasks without annotations are left out"] if bare else []
        classes = [LabelClass("background", 0), *(LabelClass(n, i) for n, i in label_ids.items())]
        return DataSet({UNSPLIT: pairs}, classes=classes, faults=faults, notes=notes)


def _file(root: Path) -> Path | None:
    paths = [path for path in sorted(root.glob("*.json")) if path.is_file()]
    return next((path for path in paths if _is_export(path)), None)


def _is_export(path: Path) -> bool:
    text = path.read_text("utf-8-sig", errors="replace")
    return text.lstrip().startswith("[") and '"annotations"' in text and '"result"' in text


def _results(task: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    annotations = [a for a in task.get("annotations") or () if not a.get("was_cancelled")]
    results: Sequence[Mapping[str, Any]] = annotations[0].get("result") or () if annotations else ()
    return [result for result in results if result.get("type") in _KINDS]


def _labels(result: Mapping[str, Any]) -> Iterator[str]:
    yield from map(str, result["value"].get(result["type"]) or ())


def _image_name(task: Mapping[str, Any]) -> str:
    """Return the file name in /data/upload/1/ab12cd34-a.jpg or /data/local-files/?d=x/a.jpg."""
    data = task.get("data") or {}
    address = str(data.get("image") or next((v for v in data.values() if isinstance(v, str)), ""))
    parts = urlsplit(address)
    place = parse_qs(parts.query).get("d", [parts.path])[0]
    return unquote(place).replace("\\", "/").rpartition("/")[2]


def _drawn(path: Path, task: Mapping[str, Any], label_ids: Mapping[str, int], file: Path) -> Ids:
    try:
        results = _results(task)
        if not results:
            raise ValueError("no region has a label, so that its size is not known")
        size = int(results[0]["original_width"]), int(results[0]["original_height"])
        return drawn(size, [_region(result, size, label_ids) for result in results])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DataError(f"{file}: cannot be drawn from {path.name} ({error})") from None


def _region(
    result: Mapping[str, Any], size: tuple[int, int], label_ids: Mapping[str, int]
) -> Region:
    value, kind, (width, height) = result["value"], result["type"], size
    label_id = label_ids[next(_labels(result))]
    if value.get("rotation"):
        raise ValueError("a rotated region")
    if kind == "brushlabels":
        values = label_studio_values(value["rle"], width * height * 4)
        return Region(label_id, mask=values.reshape(height, width, 4)[..., 3] >= _OPAQUE)

    def scaled(x: float, y: float) -> tuple[float, float]:
        return x * width / 100, y * height / 100  # Label Studio gives shares of 100.

    if kind == "polygonlabels":
        return Region(label_id, [[scaled(x, y) for x, y in value["points"]]])
    left, top = scaled(value["x"], value["y"])
    if kind == "ellipselabels":
        return Region(label_id, [ellipse(left, top, *scaled(value["radiusX"], value["radiusY"]))])
    right, bottom = scaled(value["x"] + value["width"], value["y"] + value["height"])
    return Region(label_id, [rectangle(left, top, right, bottom)])
