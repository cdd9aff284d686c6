"""Reads dataset.json, the description of a data set: its classes, as values of the spec."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segformer.data.json_faults import way_out_of_json
from segformer.errors import DataError, SpecError, nearest
from segformer.storage.staging import FILE_NAME

_SEGMENT = "dataset.segment"
_MISSPELT = ("dataset.json", "datasets.json", "data_set.json", "dataset.json.txt", "dataset.json5")
"""Names that are meant to be dataset.json, in any case; the first in another case."""
_READ = ("classes", "ignore", "bits", "has_up", "bands", "groups", "splits")
SPLITS = ("train", "val", "test")
_FOLDERS = ("images", "masks")
FOR_PEOPLE = (
    "name", "title", "description", "encoding", "source", "url", "license", "licence", "citation",
    "author", "version", "split", "note", "notes", "counts", "bytes", "seed",
)  # fmt: skip
_OF_A_CLASS = ("value", "name", "color")
_OF_NNUNET = {"channel_names", "modality", "numTraining"}
_EXAMPLE = '{"value": 0, "name": "road"}'


def described(root: Path, *, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return spec values by dotted key that a data set implies and that are not in `given`.

    A folder named test holds the test split. Of the keys of dataset.json, ``classes`` (a list of
    ``{"value", "name"}``: the value in the mask; and ``"color"``: [red, green, blue] in masks of
    colours), ``ignore`` (a value or null), ``bits`` (of 16-bit images), ``bands`` (numbers of those
    to use) and ``has_up`` (true or false) are read, ``groups`` by `groups_described` and ``splits``
    by `splits_described`; those of `FOR_PEOPLE` may say more. Raises `DataError` for a dataset.json
    that is not understood, which is one with other keys too: a misspelt ``ignore`` would be passed
    over. A given number of classes that contradicts it is a `SpecError`.
    """
    found: dict[str, Any] = {}
    if (root / "images" / "test").is_dir() and (root / "masks" / "test").is_dir():
        found[f"{_SEGMENT}.test_split"] = "test"
    path = root / FILE_NAME
    if path.exists():
        if not path.is_file():
            raise DataError(f"{path}: is not a file")
        found.update(_classes_described(path, given))
    return {key: value for key, value in found.items() if key not in given}


@dataclass(frozen=True)
class _Class:
    """A class of dataset.json: its value in index masks and its colour in colour masks."""

    value: int
    name: str
    colour: list[int] | None

    @classmethod
    def read(cls, entry: object, where: str) -> "_Class":
        """Read an entry of ``classes``; raises `ValueError` that begins with `where`."""
        if not isinstance(entry, Mapping):
            raise ValueError(f"{where} is {entry!r}, not an object like {_EXAMPLE}")
        _check_keys(entry, _OF_A_CLASS, f"{where}: ")
        if missing := [name for name in ("value", "name") if name not in entry]:
            raise ValueError(f'{where} has no "{missing[0]}"; it must be like {_EXAMPLE}')
        colour = entry.get("color")
        if colour is not None:
            if not isinstance(colour, list) or len(colour) != 3:
                raise ValueError(f"{where}.color is {colour!r}, not [red, green, blue]")
            colour = [_byte(part, f"{where}.color") for part in colour]
        name = entry["name"]
        if name is None or not str(name).strip():
            raise ValueError(f"{where}.name is {name!r}, not a text with something in it")
        return cls(_byte(entry["value"], f"{where}.value"), str(name), colour)

    def entry(self, label_id: int, rgb: list[int]) -> dict[str, Any]:
        return {"label_id": label_id, "seg_class": self.name, "mapping_class": self.name,
                "rgb": rgb}  # fmt: skip


@dataclass(frozen=True)
class _Description:
    """What a dataset.json says; None where it says nothing."""

    classes: list[_Class]
    """In order of class id, which is that of the file."""
    says_ignored: bool
    """Whether there is ``ignore``; if not, 255 is ignored, as by default."""
    ignored: int | None
    bits: int | None
    bands: list[int] | None
    has_up: bool | None
    groups: Mapping[str, list[str]]
    """Patterns of the names of images by the name of their group."""
    splits: Mapping[str, Mapping[str, str]]
    """The folders of images and masks by split."""


def groups_described(root: Path) -> Mapping[str, list[str]]:
    """Return the groups of a data set's dataset.json, none without one; raises `DataError`."""
    path = root / FILE_NAME
    return _read(path).groups if path.is_file() else {}


def description_notes(root: Path) -> Iterator[str]:
    """Yield lines on what a dataset.json says to no effect; raises `DataError`."""
    path = root / FILE_NAME
    first: dict[tuple[int, ...], str] = {}
    for each in _read(path).classes if path.is_file() else ():
        if each.colour is not None and first.setdefault(tuple(each.colour), each.name) != each.name:
            other = first[tuple(each.colour)]
            yield (
                f"{path}: classes {other!r} and {each.name!r} have one color, {each.colour}, so"
                " that masks are read by their values alone, and the colors not used"
            )
            return


def misplaced_notes(root: Path) -> Iterator[str]:
    """Yield lines on files that seem to be the dataset.json of a folder that has none."""
    if (root / FILE_NAME).exists():
        return
    folders = [root, *(p for p in sorted(root.iterdir()) if p.is_dir())]
    for path in (path for folder in folders for path in sorted(folder.iterdir())):
        is_named_so = path.name == FILE_NAME or (
            path.parent == root and path.name.casefold() in _MISSPELT
        )
        if is_named_so and path.is_file():
            yield (
                f"{path}: is not read: the description of a data set is called {FILE_NAME} and "
                f"lies in {root}"
            )


def splits_described(root: Path) -> Mapping[str, Mapping[str, str]]:
    """Return the folders of each split that dataset.json names, if any; raises `DataError`."""
    path = root / FILE_NAME
    return _read(path).splits if path.is_file() else {}


def _classes_described(path: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    description = _read(path)
    classes, ignored = description.classes, description.ignored
    is_binary = sorted(c.value for c in classes) == [0, 255] and ignored is None
    # The palette holds the values after the transform.
    is_normed = is_binary and given.get(f"{_SEGMENT}.label_transform", "norm") == "norm"
    found: dict[str, Any] = {}
    if len(classes) == 1 and f"{_SEGMENT}.palette" not in given:
        raise DataError(
            f"{path}: classes has {classes[0].name!r} alone, so that nothing can be learned; list "
            "what is not of this class, such as the background, as a class too"
        )
    if classes:
        _check_number(len(classes), path, given)
        found[f"{_SEGMENT}.num_classes"] = len(classes)
        found[f"{_SEGMENT}.label_transform"] = "norm" if is_normed else "None"
        found[f"{_SEGMENT}.palette"] = _normed(classes) if is_normed else _palette(classes)
    if description.says_ignored:
        found[f"{_SEGMENT}.ignore_index"] = ignored
    if description.bits is not None:
        found[f"{_SEGMENT}.image_bits"] = description.bits
    if description.bands is not None:
        found[f"{_SEGMENT}.bands"] = description.bands
    if description.has_up is not None:
        found[f"{_SEGMENT}.has_up"] = description.has_up
    return found


def _check_number(count: int, path: Path, given: Mapping[str, Any]) -> None:
    """Raise `SpecError` for a number of classes that contradicts dataset.json.

    A palette that is given too defines classes of its own.
    """
    key, requested = f"{_SEGMENT}.num_classes", given.get(f"{_SEGMENT}.num_classes")
    if isinstance(requested, int) and requested != count and f"{_SEGMENT}.palette" not in given:
        raise SpecError(
            f"{key}: {requested} is not allowed: {path} has {count} classes; leave {key} out, or"
            f" give {_SEGMENT}.palette too"
        )


def _normed(classes: list[_Class]) -> list[dict[str, Any]]:
    return [each.entry(i, [each.value // 255] * 3) for i, each in enumerate(classes)]


def _palette(classes: list[_Class]) -> list[dict[str, Any]]:
    """Return an entry for each value and, where every class has a colour of its own, for those."""
    colours = {tuple(c.colour) for c in classes if c.colour is not None}
    if len(colours) < len(classes):
        return [each.entry(i, [each.value]) for i, each in enumerate(classes)]
    return [
        *(each.entry(i, each.colour or []) for i, each in enumerate(classes)),
        *(each.entry(i, [each.value]) for i, each in enumerate(classes)),
    ]


def _read(path: Path) -> _Description:
    try:
        content = json.loads(path.read_bytes(), object_pairs_hook=_without_doubles)
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read ({error}){way_out_of_json(error)}") from None
    try:
        return _description_from(content)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None


def _without_doubles(items: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON; raises `ValueError` for a key that is there twice."""
    keys = [key for key, _ in items]
    if len(set(keys)) < len(keys):
        raise ValueError(f"the key {next(k for k in keys if keys.count(k) > 1)!r} is there twice")
    return dict(items)


def _of_nnunet(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a description for a dataset.json of nnU-Net, which has names by value."""
    labels = {name: value for name, value in content["labels"].items() if name != "ignore"}
    classes = [{"value": value, "name": name} for name, value in labels.items()]
    return {"classes": classes, "ignore": content["labels"].get("ignore")}


def _description_from(content: object) -> _Description:
    if not isinstance(content, Mapping):
        raise ValueError(f'is not an object like {{"classes": [{_EXAMPLE}, ...], "ignore": null}}')
    if isinstance(content.get("labels"), Mapping) and _OF_NNUNET & content.keys():
        content = _of_nnunet(content)
    _check_keys(content, (*_READ, *FOR_PEOPLE), "")
    entries = content.get("classes")
    entries = [] if entries is None else entries
    if not isinstance(entries, list):
        raise ValueError(f"classes is {entries!r}, not a list like [{_EXAMPLE}, ...]")
    classes = [_Class.read(entry, f"classes[{i}]") for i, entry in enumerate(entries)]
    for name in ("value", "name"):
        _check_unique([getattr(each, name) for each in classes], name)
    says_ignored, ignored = "ignore" in content, content.get("ignore")
    if ignored is not None:
        ignored = _byte(ignored, "ignore")
        for each in classes:
            if each.value == ignored:
                raise ValueError(f"ignore is {ignored}, the value of class {each.name!r} too")
    bits = content.get("bits")
    if bits is not None and (type(bits) is not int or not 8 <= bits <= 16):
        raise ValueError(f"bits is {bits!r}, not a whole number from 8 to 16")
    bands = _bands(content.get("bands"))
    has_up = content.get("has_up")
    if has_up is not None and not isinstance(has_up, bool):
        raise ValueError(f"has_up is {has_up!r}, not true or false")
    groups = _groups(content.get("groups"))
    for name in ("license", "source"):
        if not isinstance(content.get(name), str | None):
            raise ValueError(f"{name} is {content[name]!r}, not a text")
    splits = _splits(content.get("splits"))
    return _Description(classes, says_ignored, ignored, bits, bands, has_up, groups, splits)


def _bands(bands: object) -> list[int] | None:
    if bands is None:
        return None
    is_of_numbers = isinstance(bands, list) and all(type(n) is int and n >= 0 for n in bands)
    if not isinstance(bands, list) or not bands or not is_of_numbers:
        raise ValueError(f"bands is {bands!r}, not a list of numbers from 0 like [0, 1, 2, 3]")
    if len(set(bands)) < len(bands):
        raise ValueError(f"bands is {bands!r}, which names a band twice")
    return bands


def _splits(splits: object) -> Mapping[str, Mapping[str, str]]:
    if splits is None:
        return {}
    if not isinstance(splits, Mapping) or "train" not in splits:
        raise ValueError('splits wants "train": {"images": FOLDER, "masks": FOLDER}')
    _check_keys(splits, SPLITS, "splits: ")
    for name, folders in splits.items():
        if not isinstance(folders, Mapping):
            raise ValueError(f'splits.{name} is {folders!r}, not {{"images": ..., "masks": ...}}')
        _check_keys(folders, _FOLDERS, f"splits.{name}: ")
        for kind in _FOLDERS:
            if not isinstance(folders.get(kind), str) or not folders[kind]:
                raise ValueError(f"splits.{name}.{kind} is {folders.get(kind)!r}, not a folder")
    return splits


def _groups(groups: object) -> Mapping[str, list[str]]:
    if groups is None:
        return {}
    if not isinstance(groups, Mapping):
        raise ValueError(f'groups is {groups!r}, not an object like {{"patient 1": ["p1_*"]}}')
    for name, patterns in groups.items():
        is_list = isinstance(patterns, list) and patterns
        if not is_list or not all(isinstance(each, str) and each for each in patterns):
            raise ValueError(f'groups.{name} is {patterns!r}, not a list of patterns like ["p1_*"]')
    return groups


def _check_keys(content: Mapping[Any, Any], keys: Sequence[str], where: str) -> None:
    for key in content:
        if key not in keys:
            hint = nearest(str(key), keys) or f"; there are {', '.join(keys)}"
            raise ValueError(f"{where}unknown key {key!r}{hint}")


def _check_unique(values: list[Any], name: str) -> None:
    duplicates = sorted({value for value in values if values.count(value) > 1})
    if duplicates:
        raise ValueError(f"two classes have the {name} {duplicates[0]!r}")


def _byte(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 255:
        raise ValueError(f"{where} is {value!r}, not a whole number from 0 to 255")
    return value
