"""Tables of classes that tools write beside masks: names with their values or colours."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from segformer.data.layouts.base import IGNORED, LabelClass
from segformer.data.layouts.class_json import byte, classes_of_json, colour_of
from segformer.data.layouts.names import (
    lines_of,
    parse_yaml,
    read_json,
    split_folders,
    text_of,
    words_of,
)
from segformer.errors import DataError

_IGNORE = "__ignore__"
NOT_COUNTED = ("void", "unlabelled", "unlabeled", "ignore", "ignored", _IGNORE)
"""Names of what does not count, as everybody who uses such sets has it."""

_NAMES = (
    "class_names.txt", "classes.txt", "codes.txt", "labels.txt", "label_names.txt", "obj.names",
    "categories.txt",
)  # fmt: skip
_SAY_CLASSES = {
    "class", "classes", "label", "labels", "color", "colors", "colour", "colours", "palette",
    "legend", "categories", "labelmap", "colormap",
}  # fmt: skip
"""Words of files of JSON or colours that may be such a table; what it holds decides."""
_YAML = ("data", "dataset")
"""Names of the YAML files that describe a set for YOLO, whose `names` are the classes."""
_NUMBERED = re.compile(r"(\d{1,3})\s*[:,;\t ]\s*(\S.*)")
_COLOURED = re.compile(r"(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})[\s,:]+(\S.*)")
_NAMED = re.compile(r"(\S.*?)[\s,:=]+\(?(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\)?")


@dataclass(frozen=True)
class ClassTable:
    """The classes of one file, in its order, and what does not count."""

    path: Path
    classes: Sequence[LabelClass]
    ignored: Sequence[LabelClass]


def class_tables(root: Path, masks: Iterable[Path] = ()) -> list[ClassTable]:
    """Return the tables of a folder, of its splits, and on the way from it to folders of masks.

    A file that is no table is passed over.
    """
    tables = []
    ways = (f for folder in masks for f in (folder, *folder.parents) if f.is_relative_to(root))
    for folder in dict.fromkeys((root, *split_folders(root).values(), *sorted(ways))):
        for path in sorted(folder.iterdir()):
            if path.is_file() and (table := _table(path)) is not None:
                tables.append(table)
    return tables


def rgb_rows(path: Path) -> list[LabelClass]:
    """Return the classes of name,r,g,b (class_dict.csv), or of pixel value,class (Roboflow)."""
    reader = csv.reader(text_of(path).splitlines(), skipinitialspace=True)
    head, *rows = [[cell.strip() for cell in row] for row in reader if row] or [[]]
    columns = {name.lower(): i for i, name in enumerate(head)}
    name = _first(columns, ("name", "class", "label", "class_name"))
    value = _first(columns, ("pixel value", "value", "id"))
    colour = [columns[n] for n in "rgb" if n in columns]
    if name is None or not rows or (value is None and len(colour) != 3):
        return []
    return [
        LabelClass(
            row[name],
            None if value is None else byte(row[value]),
            colour_of([row[i] for i in colour]) if len(colour) == 3 else None,
        )
        for row in rows
    ]


def _first(columns: Mapping[str, int], names: Sequence[str]) -> int | None:
    return next((columns[name] for name in names if name in columns), None)


def label_map(path: Path) -> list[LabelClass]:
    """Return the classes of name:red,green,blue:parts:actions (CVAT)."""
    classes = []
    for line in lines_of(path):
        name, _, rest = line.partition(":")
        numbers = rest.partition(":")[0].split(",")
        if not line.startswith("#") and len(numbers) == 3:
            classes.append(LabelClass(name, colour=colour_of(numbers)))
    return classes


def counted(classes: Sequence[LabelClass]) -> tuple[list[LabelClass], list[LabelClass]]:
    """Return the classes, and those by whose name they do not count."""
    ignored = [each for each in classes if each.name.lower() in NOT_COUNTED]
    return [each for each in classes if each not in ignored], ignored


def _table(path: Path) -> ClassTable | None:
    try:
        classes = _classes(path)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, DataError, csv.Error):
        return None
    kept, ignored = counted(classes)
    return ClassTable(path, kept, ignored) if len(kept) > 1 else None


def _classes(path: Path) -> list[LabelClass]:
    name = path.name.lower()
    if name.endswith(".csv"):
        return rgb_rows(path)
    if name == "labelmap.txt":
        return label_map(path)
    if name == "dataset_meta.json":  # Datumaro.
        content = read_json(path)
        colours = content.get("segmentation_colors") or []
        return [
            LabelClass(str(label), int(i), colour_of(colours[int(i)]) if colours else None)
            for i, label in content["label_map"].items()
        ]
    may_be_one = bool({*words_of(path.stem)} & _SAY_CLASSES)
    if may_be_one and name.endswith(".json"):
        return classes_of_json(read_json(path))
    if may_be_one and name.endswith(".txt") and (coloured := _coloured(lines_of(path))):
        return coloured
    if name in _NAMES:
        return _numbered(lines_of(path))
    if name.endswith((".yaml", ".yml")) and (may_be_one or path.stem.lower() in _YAML):
        content = parse_yaml(text_of(path))
        return classes_of_json(content.get("names", content if may_be_one else None))
    return []


def _coloured(lines: Sequence[str]) -> list[LabelClass]:
    """Return the classes of lines that all have a colour before the name, or all behind it."""
    for pattern, name, rgb in ((_COLOURED, 4, (1, 2, 3)), (_NAMED, 1, (2, 3, 4))):
        found = [pattern.fullmatch(line) for line in lines if not line.startswith("#")]
        if found and all(found):
            return [
                LabelClass(m[name].strip(), colour=colour_of([m[i] for i in rgb]))
                for m in found
                if m
            ]
    return []


def _numbered(lines: Sequence[str]) -> list[LabelClass]:
    """Return the classes of a name a line, with numbers before all of them or before none."""
    found = [_NUMBERED.fullmatch(line) for line in lines]
    if all(found):
        return [LabelClass(m[2], byte(m[1])) for m in found if m]
    names = [line for line in lines if line.lower() != _IGNORE]
    # LabelMe's number for it is -1, which its masks hold as 255.
    ignored = [LabelClass(_IGNORE, IGNORED)] if len(names) < len(lines) else []
    return [*(LabelClass(name, value) for value, name in enumerate(names)), *ignored]
