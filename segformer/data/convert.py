"""Converts a data set of any known layout into images/<split>, masks/<split> and dataset.json."""

import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from PIL import Image

from segformer.data.classes import inferred, spec_keys
from segformer.data.description import described
from segformer.data.faults import one_a_cause
from segformer.data.labels import labels_of
from segformer.data.layouts import LAYOUTS, layout_of
from segformer.data.layouts.base import IGNORED, TRAIN, UNSPLIT, VAL, DataSet, LabelClass
from segformer.data.layouts.class_tables import class_tables
from segformer.data.layouts.names import read_json
from segformer.data.layouts.table import Recognised
from segformer.data.pairs import Pair, is_utf8
from segformer.data.source import check_folder, source_of
from segformer.data.split_file import SplitFile
from segformer.data.stacks import taken_apart
from segformer.errors import DataError, SpecError, nearest
from segformer.spec.overrides import nested
from segformer.spec.sections.dataset import DatasetSegment
from segformer.storage.atomic import replacing
from segformer.storage.staging import FILE_NAME, SPLIT_FILE

RECORD = "import.json"
"""What an import did, in the folder that it wrote."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ImportReport:
    """What an import wrote, and how."""

    source: Path
    target: Path
    title: str
    counts: Mapping[str, int]
    files: Mapping[str, int]
    """By how they came: linked, symbolic links, copied, drawn, converted, taken from stacks."""
    classes: Sequence[str]
    notes: Sequence[str] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "source": str(self.source), "target": str(self.target), "layout": self.title,
            "counts": dict(self.counts), "files": dict(self.files), "classes": list(self.classes),
            "notes": list(self.notes),
        }  # fmt: skip

    def text(self) -> str:
        """Return the report as lines for people."""
        files = ", ".join(f"{count} {how}" for how, count in self.files.items())
        counts = ", ".join(f"{name} {count}" for name, count in self.counts.items())
        names = ", ".join(self.classes[:10]) + (", ..." if len(self.classes) > 10 else "")
        return "\n".join(
            [
                f"{self.source}: {self.title}: {counts}",
                *self.notes,
                f"{self.target}: {files}; {len(self.classes)} classes: {names}",
            ]
        )


def import_data(
    kind: str, source: Path, target: Path, *, progress: Progress | None = None
) -> ImportReport:
    """Write the data set of `source` anew in `target`: links where the file stays as it is.

    Masks that are annotations are drawn, and those of more than one ignored value are converted.
    Stacks of several pictures are taken apart.
    A split is held out if there is none for validation. Raises `DataError`, and `SpecError` for an
    unknown kind.
    """
    _check(kind, source, target)
    recognised = layout_of(source, kind=kind)
    data = recognised.read()
    if data.faults:
        raise DataError(one_a_cause(data.faults))
    data = _with_own_split(data, source)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{target.name}.", dir=target.parent) as pages:
        data = taken_apart(data, Path(pages))
        try:
            return _converted(recognised, data, source, target, progress, pages=Path(pages))
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)  # Else a second try would find it not empty.
            raise


def _with_own_split(data: DataSet, source: Path) -> DataSet:
    """Return a data set with the split that its split.json keeps, if it has one."""
    path = source / SPLIT_FILE
    if VAL in data.splits or not path.is_file():
        return data
    pairs = [*data.splits.get(TRAIN, ()), *data.splits.get(UNSPLIT, ())]
    rest = {split: data.splits[split] for split in data.splits if split not in (TRAIN, UNSPLIT)}
    split = SplitFile.read(path)
    notes = [f"{path}: {line}"] if (line := split.left_out(len(pairs))) else []
    splits = {**split.applied(pairs, source), **rest}
    return replace(data, splits=splits, notes=[*data.notes, *notes])


def _converted(
    recognised: Recognised,
    data: DataSet,
    source: Path,
    target: Path,
    progress: Progress | None,
    *,
    pages: Path,
) -> ImportReport:
    own = recognised.root / FILE_NAME
    classes, ignored, notes = (
        ([], [], []) if own.is_file() else _classes(data, recognised.root, source)
    )
    writer = _Writer(target, recognised.root, pages, _conversion(classes, ignored))
    _write_pairs(writer, data, progress)
    description = _description(classes, ignored, writer.segment is not None, source)
    if own.is_file():
        description = {k: v for k, v in read_json(own).items() if k != "splits"}
        described(recognised.root, given={})  # Raises for one that is not understood.
    _write_json(target / FILE_NAME, description)
    source_of(DatasetSegment(root_dir=str(target)))  # Writes split.json if there is no val.
    path = target / SPLIT_FILE
    split_file = SplitFile.read(path) if path.exists() else None
    report = ImportReport(
        source, target, recognised.layout.title, _counts(data, split_file), dict(writer.files),
        [str(each["name"]) for each in description.get("classes", [])], [*data.notes, *notes],
    )  # fmt: skip
    _write_json(target / RECORD, {"kind": recognised.layout.name, **report.to_dict()})
    return report


def _write_pairs(writer: "_Writer", data: DataSet, progress: Progress | None) -> None:
    total, done = sum(map(len, data.splits.values())), 0
    for split, pairs in data.splits.items():
        for pair in pairs:
            writer.write(split if split != UNSPLIT else TRAIN, pair)
            done += 1
            if progress:
                progress(done, total)


def _check(kind: str, source: Path, target: Path) -> None:
    kinds = ["auto", *(layout.name for layout in LAYOUTS)]
    if kind not in kinds:
        raise SpecError(f"KIND: {kind!r} is not one of {', '.join(kinds)}{nearest(kind, kinds)}")
    for path in (source, target):
        if not is_utf8(str(path.absolute())):
            raise DataError(f"{ascii(str(path))}: the name of this folder is not UTF-8; rename it")
    check_folder(source)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise DataError(f"{target}: is not empty; give a new folder")
    if target.resolve().is_relative_to(source.resolve()):
        raise DataError(f"{target}: lies within {source}; give a folder elsewhere")


def _classes(
    data: DataSet, root: Path, source: Path
) -> tuple[Sequence[LabelClass], Sequence[LabelClass], list[str]]:
    if data.classes:
        return data.classes, data.ignored, []
    pairs = [pair for pairs in data.splits.values() for pair in pairs]
    tables = class_tables(source, {root, *(pair.mask.parent for pair in pairs)})
    found = inferred(pairs, tables, known=data.known)
    if not found.classes:
        raise DataError("no mask can be read, so that nothing says what the classes are")
    return found.classes, [*data.ignored, *found.ignored], list(found.notes)


def _conversion(
    classes: Sequence[LabelClass], ignored: Sequence[LabelClass]
) -> DatasetSegment | None:
    """Return how masks become class ids if dataset.json cannot say what they mean, else None.

    It has one ignored value, and a value for each class.
    """
    is_said = len(ignored) <= 1 and all(c.value is not None for c in [*classes, *ignored])
    if is_said and not any(each.colour for each in ignored):
        return None
    settings: dict[str, Any] = nested(spec_keys(classes, ignored))["dataset"]["segment"]
    return DatasetSegment(**settings)


class _Writer:
    """Writes pairs under names that no other pair has, and counts how the files came."""

    def __init__(
        self, target: Path, root: Path, pages: Path, segment: DatasetSegment | None
    ) -> None:
        self.segment = segment
        self.files: Counter[str] = Counter()
        self._target = target
        self._root = root
        self._pages = pages.resolve()
        self._names: set[tuple[str, str]] = set()

    def write(self, split: str, pair: Pair) -> None:
        name = self._name(split, pair)
        self._place(pair.image, self._folder("images", split) / f"{name}{pair.image.suffix}")
        mask = self._folder("masks", split) / name
        if pair.draw is not None:
            Image.fromarray(pair.draw()).save(f"{mask}.png")
            self.files["drawn"] += 1
        elif self.segment is not None:
            ids = labels_of(pair.read_mask(), self.segment, where=pair.mask).ids
            Image.fromarray(ids).save(f"{mask}.png")
            self.files["converted"] += 1
        else:
            self._place(pair.mask, Path(f"{mask}{pair.mask.suffix}"))

    def _folder(self, kind: str, split: str) -> Path:
        folder = self._target / kind / split
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _name(self, split: str, pair: Pair) -> str:
        """Return the stem, with the folders before it if another image of the split has it."""
        name = pair.stem
        if (split, name) in self._names and pair.image.is_relative_to(self._root):
            relative = pair.image.relative_to(self._root).with_suffix("")
            name = "__".join(relative.parts)
        if (split, name) in self._names:
            raise DataError(f"{pair.image}: another image of {split} has this name; rename one")
        self._names.add((split, name))
        return name

    def _place(self, source: Path, target: Path) -> None:
        source = source.resolve()
        if source.is_relative_to(self._pages):
            source.replace(target)
            self.files["taken from stacks"] += 1
            return
        for how, place in (("linked", os.link), ("symbolic links", os.symlink)):
            try:
                place(source, target)
            except OSError:
                continue  # Another disk, or one without links.
            self.files[how] += 1
            return
        shutil.copyfile(source, target)
        self.files["copied"] += 1


def _description(
    classes: Sequence[LabelClass], ignored: Sequence[LabelClass], is_converted: bool, source: Path
) -> dict[str, Any]:
    used = [each.colour for each in classes if each.colour]
    is_by_colour = len(set(used)) == len(used)  # A colour of two classes says nothing.
    entries: list[dict[str, Any]] = []
    for label_id, each in enumerate(classes):
        value = label_id if is_converted or each.value is None else each.value
        colour = {"color": list(each.colour)} if each.colour and is_by_colour else {}
        entries.append({"value": value, "name": each.name, **colour})
    ignored_value = IGNORED if is_converted or not ignored else ignored[0].value
    is_class = any(each["value"] == ignored_value for each in entries)  # Of 0, 128, 255.
    return {
        "classes": entries, "ignore": None if is_class else ignored_value, "source": str(source)
    }  # fmt: skip


def _counts(data: DataSet, split: SplitFile | None) -> dict[str, int]:
    counts = {name or TRAIN: count for name, count in data.counts.items()}
    if split is not None:
        held_out = {name: len(names) for name, names in split.names.items()}
        counts = {**counts, TRAIN: counts[TRAIN] - sum(held_out.values()), **held_out}
    return counts


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    with replacing(path) as part:
        part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
