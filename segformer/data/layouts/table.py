"""The table of layouts, and which of them a folder has."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from segformer.data.layouts.ade20k import Ade20k
from segformer.data.layouts.base import DataSet, Layout, Part
from segformer.data.layouts.camvid import CamVid
from segformer.data.layouts.cityscapes import Cityscapes
from segformer.data.layouts.coco import Coco
from segformer.data.layouts.coco_stuff import CocoStuff
from segformer.data.layouts.csv_pairs import CsvPairs
from segformer.data.layouts.cvat import Cvat
from segformer.data.layouts.described import Described
from segformer.data.layouts.fiftyone import FiftyOne
from segformer.data.layouts.folders import (
    Groups,
    KindSplit,
    NamedSplits,
    SplitGroups,
    SplitKind,
    Unsplit,
)
from segformer.data.layouts.foreign import found_in, what_it_is
from segformer.data.layouts.label_studio import LabelStudio
from segformer.data.layouts.labelme import LabelMe
from segformer.data.layouts.mvtec import MvTec
from segformer.data.layouts.names import (
    IMAGES,
    MASKS,
    kind_folder,
    listed,
    split_of,
    subfolders,
)
from segformer.data.layouts.said_splits import with_said_splits
from segformer.data.layouts.suffix import Suffix
from segformer.data.layouts.told_by_content import ToldByContent
from segformer.data.layouts.voc import Voc
from segformer.data.layouts.yolo import Yolo
from segformer.errors import DataError

LAYOUTS: tuple[Layout, ...] = (
    Described(), Voc(), Cityscapes(), Ade20k(), CocoStuff(), CamVid(), Yolo(), MvTec(), KindSplit(),
    SplitKind(), SplitGroups(), NamedSplits(), CsvPairs(), Unsplit(), Groups(), FiftyOne(), Cvat(),
    LabelStudio(), LabelMe(), Coco(), Suffix(), ToldByContent(),
)  # fmt: skip
"""The special before the general, and files of masks before annotations that they may come from:
a folder has the first layout of which it has all parts."""

_WITH_TRAINING_OF_ITS_OWN = (MvTec,)
"""Layouts whose folder train/ is of another task: it has images without a defect alone."""

_NEAREST = 3
_DEPTH = 6


@dataclass(frozen=True)
class Recognised:
    """A layout and the folder that has it: what was named, or the one folder within it."""

    layout: Layout
    root: Path

    def read(self) -> DataSet:
        """Read the folder; raises `DataError` for annotations that are not what they should be."""
        try:
            data = self.layout.read(self.root)
            has_own = isinstance(self.layout, _WITH_TRAINING_OF_ITS_OWN)
            return data if has_own else with_said_splits(self.root, data)
        except (OSError, ValueError, csv.Error) as error:
            raise DataError(
                f"{self.root}: cannot be read as {self.layout.title} ({error})"
            ) from None
        except (LookupError, TypeError, AttributeError) as error:
            raise DataError(
                f"{self.root}: cannot be read as {self.layout.title}: a part of it is not what such"
                f" files hold ({type(error).__name__}: {error})"
            ) from None


def layout_of(root: Path, *, kind: str = "auto") -> Recognised:
    """Return the layout of a folder, or of the only folder within it that has one.

    Archives unpack to folders within folders, and projects have other things beside their data.
    Raises `DataError` with what the nearest layouts lack.
    """
    layouts = [each for each in LAYOUTS if kind in ("auto", each.name)]
    folder = root
    for _ in range(_DEPTH):
        if layout := _layout_of_folder(folder, layouts):
            return Recognised(layout, folder)
        inner = subfolders(folder)
        if len(inner) != 1:
            break
        folder = inner[0]
    if kind != "auto" and (other := _layout_of_folder(root, LAYOUTS)):
        raise DataError(f"{root}: is not {layouts[0].title}, but {other.title}: give {other.name}")
    if (above := _data_set_above(root)) is not None:
        raise DataError(f"{root}: is a part of a data set; did you mean {above}?")
    if kind == "auto" and (text := what_it_is(root)):
        raise DataError(text)
    found = _within(folder, layouts, _DEPTH)
    if len(found) == 1:
        return found[0]
    raise DataError(_several(root, found) if found else _unknown(root, layouts))


def _within(folder: Path, layouts: Sequence[Layout], depth: int) -> list[Recognised]:
    """Return the data sets below a folder; none of one split alone, which is no whole one."""
    found = []
    for inner in subfolders(folder) if depth else []:
        if split_of(inner.name):
            return []
        if layout := _layout_of_folder(inner, layouts):
            found.append(Recognised(layout, inner))
        else:
            found += _within(inner, layouts, depth - 1)
    return found


def _several(root: Path, found: Sequence[Recognised]) -> str:
    names = listed(f"{each.root.relative_to(root)}/ ({each.layout.title})" for each in found)
    return f"{root}: holds {len(found)} data sets: {names}; give the folder of one of them"


def _layout_of_folder(folder: Path, layouts: Sequence[Layout]) -> Layout | None:
    return next((each for each in layouts if all(p.exists for p in each.parts(folder))), None)


def _unknown(root: Path, layouts: Sequence[Layout]) -> list[str]:
    parts = [(layout, list(layout.parts(root))) for layout in layouts]
    # One part more or less says little of layouts that have one alone, hence the share.
    parts.sort(key=lambda each: (sum(not p.exists for p in each[1]) / len(each[1]), len(each[1])))
    nearest = [f"{root}: is not {layout.title}: {_lacking(p)}" for layout, p in parts[:_NEAREST]]
    return [
        f"{root}: is laid out in no known way; the nearest are:", *nearest, found_in(root),
        f'{root}: to say which folders hold what, write dataset.json: {{"splits": {{"train": '
        '{"images": FOLDER, "masks": FOLDER}}}',
    ]  # fmt: skip


def _data_set_above(root: Path) -> Path | None:
    """Return the folder that has a folder's images and the masks beside them, or the reverse."""
    for folder in list(root.absolute().parents)[:2]:
        kinds = kind_folder(folder, IMAGES), kind_folder(folder, MASKS)
        if None not in kinds and any(k and root.absolute().is_relative_to(k) for k in kinds):
            return folder
    return None


def _lacking(parts: Sequence[Part]) -> str:
    lacking = ", ".join(part.name for part in parts if not part.exists)
    there = ", ".join(part.name for part in parts if part.exists)
    return f"lacks {lacking}" + (f", has {there}" if there else "")
