"""Checks a whole data set before anything is trained on it: every file is read once."""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segformer.data.depth import unused_bits_line
from segformer.data.faults import one_a_cause
from segformer.data.labels import COLOURS, GREY, GREY_IN_RGB, IGNORED, class_names
from segformer.data.leaks.leaks import Leaks, SplitImage, leaks_of, scaled
from segformer.data.leaks.thumbnail import Grey, thumbnail
from segformer.data.load import load_pair
from segformer.data.pairs import Pair, other_files
from segformer.data.palette import Palette
from segformer.data.source import source_of
from segformer.errors import DataError
from segformer.spec.sections.dataset import DatasetSegment

_log = logging.getLogger(__name__)

MOST_FAULTS = 50
"""A `DataError` lists this many faults and counts the others."""

_SHOWN = 5

Progress = Callable[[int, int], None]


def check_data(segment: DatasetSegment, *, progress: Progress | None = None) -> dict[str, Any]:
    """Read every pair of the training, validation and, where it has a folder, test split.

    Returns the number of pairs by split folder, a ``fingerprint`` (a SHA-256 over the names and the
    bytes of all files), ``facts`` (see `_facts`), ``leaks`` (lines on images that show the same, or
    nothing) and, if classes do not occur, ``absent``, which names them by split. Raises `DataError`
    with all faults: folders, partners, files that cannot be read, sizes, mask values, splits with
    fewer than two classes, masks stored in ways that contradict each other. Logs a warning for
    leaks, for files that are skipped and for classes without a pixel. Writes nothing but the cache
    of leaks. `progress` is called with (pairs done, pairs in all), again while many images are
    compared.
    """
    source = source_of(segment, is_kept=False)
    faults = list(source.faults)
    for note in source.notes:
        _log.warning(note)
    for folder in source.folders:
        _warn_of_other_files(folder)
    todo = [(split, pair) for split, pairs in source.splits.items() for pair in pairs]
    digest, checked = hashlib.sha256(), []
    for done, pair in enumerate(_checked(todo, segment), start=1):
        digest.update(pair.line.encode())
        faults += pair.faults
        checked.append(pair)
        if progress:
            progress(done, len(todo))
    faults += _mixed_readings(checked, segment)
    faults += [] if faults else _too_few_classes(checked, segment)
    if faults:
        raise DataError(_capped(one_a_cause(faults)))
    leaks = list(_leaks(checked, progress).lines())
    absent = _absent_classes(checked, segment)
    for line in [*leaks, *absent]:
        _log.warning(line)
    _warn_of_unused_bits(checked, segment)
    counts = {split: len(pairs) for split, pairs in source.splits.items()}
    return {
        **counts,
        "fingerprint": digest.hexdigest(),
        "leaks": "; ".join(leaks),
        "facts": _facts(checked, segment),
        **({"absent": "; ".join(absent)} if absent else {}),
    }


@dataclass(frozen=True)
class _Checked:
    """The result of checking one pair."""

    split: str
    pair: Pair
    faults: tuple[str, ...] = ()
    image_hash: str = ""
    mask_hash: str = ""
    classes: frozenset[int] = frozenset()
    reading: str = ""
    largest: int | None = None
    thumbnail: Grey | None = None
    pixels: tuple[tuple[int, ...], ...] = ()
    """Pixels of each class, in the upper and in the lower half."""
    shorter_side: int = 0

    @property
    def line(self) -> str:
        """The pair's part of the fingerprint."""
        image, mask = self.pair.image.name, self.pair.mask.name
        return f"{self.split}\t{image}\t{self.image_hash}\t{mask}\t{self.mask_hash}\n"


def _checked(todo: list[tuple[str, Pair]], segment: DatasetSegment) -> Iterator[_Checked]:
    def check(item: tuple[str, Pair]) -> _Checked:
        split, pair = item
        try:
            loaded = load_pair(pair, segment)
        except DataError as error:
            return _Checked(split, pair, error.faults)
        image_hash, mask_hash = _hash(pair.image), _mask_hash(pair, loaded.ids)
        faults = () if image_hash != mask_hash else (f"{pair.image}: is its own mask, {pair.mask}",)
        halves = [
            np.bincount(half.ravel(), minlength=IGNORED)[:IGNORED]
            for half in np.array_split(loaded.ids, 2)
        ]
        classes = frozenset(np.flatnonzero(halves[0] + halves[1]).tolist())
        pixels = tuple(tuple(half[: segment.num_classes].tolist()) for half in halves)
        return _Checked(
            split, pair, faults, image_hash, mask_hash, classes, loaded.reading, loaded.largest,
            thumbnail(loaded.image),
            pixels, min(loaded.ids.shape),
        )  # fmt: skip

    # Pillow and numpy release the interpreter lock while they decode.
    with ThreadPoolExecutor(max_workers=min(8, cpu_count() or 1)) as pool:
        yield from pool.map(check, todo)


def _facts(checked: list[_Checked], segment: DatasetSegment) -> dict[str, float]:
    """Return facts of the training split, by which a search space adapts.

    train_images, classes that occur, rarest_share (of the pixels, of the rarest of them),
    shorter_side (in pixels, of the smallest image) and upper_lower_difference: the share of the
    pixels whose class would have to change for the upper half of the images to hold what the lower
    one does. It is near 0 for images without an up.
    """
    trained = [each for each in checked if each.split == segment.train_split]
    halves = np.sum([each.pixels for each in trained], axis=0)
    present = halves.sum(0)[halves.sum(0) > 0]
    upper, lower = halves / np.maximum(halves.sum(1, keepdims=True), 1)
    return {
        "train_images": len(trained),
        "classes": len(present),
        "rarest_share": float(present.min() / present.sum()),
        "shorter_side": min(each.shorter_side for each in trained),
        "upper_lower_difference": float(np.abs(upper - lower).sum() / 2),
    }


def _mixed_readings(checked: list[_Checked], segment: DatasetSegment) -> Iterator[str]:
    """Name a mask of each format, if one value could mean two classes depending on the format.

    1 in a 1-bit mask may be class 1, or the white that is 255 in 8 bits; black in an RGB mask may
    be the value 0 or a colour.
    """
    first = {c.reading: c.pair.mask for c in reversed(checked) if c.reading}
    greys = [r for r in first if r not in (COLOURS, GREY_IN_RGB)]
    ambiguous = [] if segment.label_transform == "norm" or greys == [GREY] else greys
    if COLOURS in first and GREY_IN_RGB in first and Palette(segment).is_mixed:
        ambiguous = [COLOURS, GREY_IN_RGB]
    if len(ambiguous) > 1:
        counts = Counter(c.reading for c in checked)
        ways = ", ".join(f"{first[r]} holds {r} (as {counts[r]} in all)" for r in ambiguous)
        yield f"{ways}: the same value may mean different classes; save all masks in one format"


def _too_few_classes(checked: list[_Checked], segment: DatasetSegment) -> Iterator[str]:
    """Name the splits with nothing to learn or measure; mostly the masks are read wrongly."""
    for split in dict.fromkeys(each.split for each in checked):
        classes = frozenset[int]().union(*(c.classes for c in checked if c.split == split))
        needed = 2 if split == segment.train_split else 1
        if len(classes) < needed:
            problem = f"only class {min(classes)} occurs" if classes else "no pixel counts"
            yield (
                f"{Path(segment.root_dir) / 'masks' / split}: {problem}; value "
                f"{segment.ignore_index} is ignored (dataset.segment.ignore_index) and "
                f"dataset.segment.label_transform is {segment.label_transform}; masks of 0 and 255 "
                "need dataset.segment.label_transform=norm"
            )


def _absent_classes(checked: list[_Checked], segment: DatasetSegment) -> list[str]:
    """Return a line for each split that lacks classes, and one for classes that no mask has."""
    names, lines = class_names(segment), []
    found = {
        split: frozenset[int]().union(*(c.classes for c in checked if c.split == split))
        for split in dict.fromkeys(each.split for each in checked)
    }
    everywhere = frozenset[int]().union(*found.values())
    nowhere = [name for i, name in enumerate(names) if i not in everywhere]
    if nowhere:
        lines.append(
            f"dataset.segment.num_classes is {len(names)}, but no mask has {_listed(nowhere)};"
            " where one is predicted, its IoU counts as 0"
        )
    for split, classes in found.items():
        missing = [n for i, n in enumerate(names) if i in everywhere and i not in classes]
        if missing:
            lines.append(f"no mask of the split {split} has {_listed(missing)}")
    return lines


def _listed(names: list[str]) -> str:
    shown, more = ", ".join(names[:_SHOWN]), len(names) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _warn_of_unused_bits(checked: list[_Checked], segment: DatasetSegment) -> None:
    """Warn of images that would be nearly black: 4095 of 65535 leaves 16 of 256 greys."""
    largest = max((each.largest for each in checked if each.largest is not None), default=None)
    if largest is not None and largest < 2 ** (segment.image_bits - 1):
        _log.warning("%s: %s", segment.root_dir, unused_bits_line(largest, segment.image_bits))


def _warn_of_other_files(folder: Path) -> None:
    if others := other_files(folder):
        _log.warning("%s is not an image and is skipped (%d such files)", others[0], len(others))


def _leaks(checked: list[_Checked], progress: Progress | None) -> Leaks:
    images = [
        SplitImage(each.split, each.pair.image, each.image_hash, each.thumbnail)
        for each in checked
        if each.thumbnail is not None
    ]
    return leaks_of(images, progress=scaled(progress, len(checked)))


def _mask_hash(pair: Pair, ids: NDArray[np.uint8]) -> str:
    """Return the hash of a mask's file, or of the mask itself if it was drawn from annotations."""
    return _hash(pair.mask) if pair.draw is None else hashlib.sha256(ids.tobytes()).hexdigest()


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _capped(faults: list[str]) -> list[str]:
    if len(faults) <= MOST_FAULTS:
        return faults
    return [*faults[:MOST_FAULTS], f"... and {len(faults) - MOST_FAULTS} more faults"]
