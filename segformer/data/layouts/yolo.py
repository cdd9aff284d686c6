"""YOLO: a text of polygons for each image, and data.yaml with the names of the classes."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from segformer.data.images import image_size
from segformer.data.layouts.base import TEST, TRAIN, UNSPLIT, VAL, DataSet, Part
from segformer.data.layouts.drawing import Ids, Region, drawn
from segformer.data.layouts.image_files import place_within
from segformer.data.layouts.label_ids import as_background, drawn_classes
from segformer.data.layouts.names import (
    IMAGES,
    files_below,
    lines_of,
    listed,
    parse_yaml,
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
_NUMBER = re.compile(r"-?\d[\d.e+-]*")
_BEYOND = 0.01
"""How far a share may lie outside 0 to 1: tools round, and draw a little over the border."""
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
        names, named_in, yaml_faults = _names(root)
        every_text = [text for each in texts.values() for _, text in each]
        numbers, counts, faulty = _numbers(every_text, names, named_in)
        if counts["polygons"] == 0 and counts["boxes"]:
            return DataSet({}, faults=[f"{root}: {_BOXES}"])
        every = {number: names.get(number, f"class_{number}") for number in sorted(numbers)}
        classes, ids = drawn_classes(every.values())
        label_ids = {number: ids[name] for number, name in every.items()}
        pairs = {
            split: [
                Pair(image.stem, image, text, partial(_drawn, image, text, label_ids))
                for image, text in each
                if text not in faulty  # It could not be drawn, which would say the fault again.
            ]
            for split, each in texts.items()
        }
        notes = _of_one_name(root / named_in, names)
        bare = sum(not text.is_file() for text in every_text)
        notes += as_background(root, bare, len(every_text), "text")
        if counts["boxes"]:
            notes.append(f"{root}: {counts['boxes']} objects are boxes without polygons: left out")
        if unused := sorted({*names.values()} - {*every.values()}):
            notes.append(f"{root}: no polygon has the class {listed(unused)}")
        faults += [*yaml_faults, *_told(faulty)]
        return DataSet(pairs, classes=classes, faults=faults, notes=notes)


def _folders(root: Path) -> Mapping[str, tuple[Path | None, Path | None]]:
    """Return the folders of images and of texts by split: as data.yaml says, else by name."""
    by_name, said = _folders_by_name(root), _folders_said(root)
    used = {images for images, _ in said.values()}
    rest = {s: each for s, each in by_name.items() if said and s == TEST and each[0] not in used}
    return {**rest, **said} if said else by_name


def _folders_said(root: Path) -> dict[str, tuple[Path | None, Path | None]]:
    """Return the folders that data.yaml names, if those of train and val lie in the data set.

    Many files name the place where the data set was on another machine, or one folder as both.
    """
    content = next((c for c in _yaml_contents(root).values() if TRAIN in c), {})
    found: dict[str, tuple[Path | None, Path | None]] = {}
    for split in (TRAIN, VAL, TEST):
        if isinstance(content.get(split), str):
            place = place_within(root / content[split], root)
            labels = None if place is None else _labels_of(place, root)
            if place is not None and labels is not None and (root / place).is_dir():
                found[split] = root / place, labels
    is_whole = {TRAIN, VAL} <= found.keys()
    return found if is_whole and len({*found.values()}) == len(found) else {}


def _labels_of(place: Path, root: Path) -> Path | None:
    """Return the folder of texts beside one of images: its path with labels for the last images."""
    parts = list(place.parts)
    named = [i for i, part in enumerate(parts) if part.lower() in IMAGES]
    if not named:
        return None
    parts[named[-1]] = _LABELS
    folder = root.joinpath(*parts)
    return folder if folder.is_dir() else None


def _folders_by_name(root: Path) -> Mapping[str, tuple[Path | None, Path | None]]:
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


def _numbers(
    texts: Iterable[Path], names: Mapping[int, str], named_in: str
) -> tuple[set[int], dict[str, int], dict[Path, str]]:
    """Return the classes of polygons, how many polygons and boxes there are, and faults by text."""
    numbers, counts = set(), {"polygons": 0, "boxes": 0}
    faulty: dict[Path, str] = {}
    for path in texts:
        try:
            for line, number, points in _objects(path):
                if number < 0 or (names and number not in names):
                    raise ValueError(f"line {line}: {_no_class(number, names, named_in)}")
                counts["polygons" if points else "boxes"] += 1
                numbers |= {number} if points else set()
        except ValueError as error:
            faulty[path] = str(error)
    return numbers, counts, faulty


def _told(faulty: Mapping[Path, str]) -> list[str]:
    """Return a line for each kind of fault: values would make one of each of thousands of files."""
    alike: dict[str, list[str]] = {}
    for path, fault in faulty.items():
        alike.setdefault(_NUMBER.sub("#", fault), []).append(f"{path}: {fault}")
    return [_first_of(same) for same in alike.values()]


def _first_of(faults: Sequence[str]) -> str:
    return faults[0] + (f" (and {len(faults) - 1} more files)" if len(faults) > 1 else "")


def _no_class(number: int, names: Mapping[int, str], named_in: str) -> str:
    known = f"; {named_in} names {min(names)} to {max(names)}" if names else ", which count from 0"
    return f"{number} is not among the classes{known}"


def _objects(path: Path) -> Iterator[tuple[int, int, list[tuple[float, float]]]]:
    """Yield line, class and points, as shares of the sides, of each object; a box has no points."""
    lines = text_of(path).splitlines() if path.is_file() else []
    for place, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        number, *parts = line.split()
        try:
            values = [float(part) for part in parts]
            label = int(number)
        except ValueError:
            raise ValueError(
                "is no line of a class and coordinates: " + line.strip()[:40]
            ) from None
        if len(parts) == _NUMBERS_OF_A_BOX - 1:
            yield place, label, []
        elif len(parts) >= 6 and len(parts) % 2 == 0:
            _check_shares(values, place)
            yield place, label, list(zip(values[::2], values[1::2], strict=True))
        else:
            raise ValueError(f"has {len(parts)} coordinates in a line; a polygon has 6, 8, ...")


def _check_shares(values: Sequence[float], place: int) -> None:
    for value in values:
        if not -_BEYOND <= value <= 1 + _BEYOND:  # NaN is neither.
            raise ValueError(
                f"line {place}: the coordinate {value:g} is not a share of the width or height, "
                "from 0 to 1"
            )


def _names(root: Path) -> tuple[dict[int, str], str, list[str]]:
    """Return the names of the classes, the file that has them, and faults.

    They are those of data.yaml, or a line each of classes.txt.
    """
    contents, faults = _yaml_contents(root), _yaml_faults(root)
    for path, content in contents.items():
        names = content.get("names")
        if names is not None and not isinstance(names, list | Mapping):
            return {}, "", [f"{path}: names is {names!r}, not a list like [road, car]"]
        if isinstance(names, list):
            names = dict(enumerate(names))
        if isinstance(names, Mapping):
            wrong = [number for number in names if not str(number).isdecimal()]
            if wrong:
                return {}, "", [f"{path}: names has {wrong[0]!r}, which is no number of a class"]
            found = {int(number): str(name) for number, name in names.items()}
            return found, path.name, [line for at, line in faults.items() if at.stem == "data"]
    for folder in (root, root / _LABELS):
        for name in _NAMES:
            if (folder / name).is_file():
                return dict(enumerate(lines_of(folder / name))), name, [*faults.values()]
    return {}, "", [*faults.values()]


def _of_one_name(path: Path, names: Mapping[int, str]) -> list[str]:
    counts = Counter(names.values())
    return [
        f"{path}: the classes {listed(n for n, each in names.items() if each == name)} are all "
        f"called {name}: they are one class"
        for name, count in counts.items()
        if count > 1
    ]


def _yaml_paths(root: Path) -> list[Path]:
    return sorted(p for p in [*root.glob("*.yaml"), *root.glob("*.yml")] if p.is_file())


def _yaml_contents(root: Path) -> dict[Path, Mapping[Any, Any]]:
    """Return the mappings in the YAML files of a folder."""
    contents = {path: _yaml(path)[0] for path in _yaml_paths(root)}
    return {path: content for path, content in contents.items() if isinstance(content, Mapping)}


def _yaml_faults(root: Path) -> dict[Path, str]:
    """Return the line on each YAML file that cannot be read."""
    return {path: fault for path in _yaml_paths(root) if (fault := _yaml(path)[1])}


def _yaml(path: Path) -> tuple[Any, str]:
    """Return the content of a file, or None and the line on why it cannot be read."""
    try:
        return parse_yaml(text_of(path)), ""
    except ValueError as error:
        return None, f"{path}: cannot be read as YAML ({error})"


def _drawn(image: Path, path: Path, label_ids: Mapping[int, int]) -> Ids:
    try:
        height, width = image_size(image)
        regions = [
            Region(label_ids[label], [[(x * width, y * height) for x, y in points]])
            for _, label, points in _objects(path) if points
        ]  # fmt: skip
        return drawn((width, height), regions)
    except (KeyError, ValueError, OSError) as error:
        raise DataError(f"{image}: cannot be drawn from {path.name} ({error})") from None
