"""Checks a whole data set before anything is trained on it: every file is read once."""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from segformer.data.decoded import beyond_memory
from segformer.data.faults import one_a_cause
from segformer.data.kept_check import KeptCheck, stamp_of
from segformer.data.labels import class_names
from segformer.data.pairs import other_files
from segformer.data.scan import Progress, ScannedPair, leaks_in, reading_notes, scanned
from segformer.data.source import Source, source_of, unused
from segformer.data.split_file import SplitFile
from segformer.data.summary import DataSummary
from segformer.data.whole import faults_of_all, one_region, unused_bits
from segformer.errors import DataError
from segformer.spec.sections.dataset import DatasetSegment
from segformer.storage.staging import cache_folder

_log = logging.getLogger(__name__)

MOST_FAULTS = 50
"""A `DataError` lists this many faults and counts the others."""

_SHOWN = 5


@dataclass(frozen=True)
class DataCheck:
    """A data set without faults."""

    record: dict[str, Any]
    """The number of pairs by split folder; ``fingerprint``, a SHA-256 over the names and the bytes
    of all files; ``facts`` (see `_facts`); ``leaks``, lines on images that show the same, or
    nothing; and, if classes do not occur, ``absent``, which names them by split."""
    summary: DataSummary
    held_out: SplitFile | None
    """How data without a validation split was divided; the file need not exist yet."""
    kept: KeptCheck
    """What `check_again` need not find again."""


def check_data(segment: DatasetSegment, *, progress: Progress | None = None) -> DataCheck:
    """Read every pair of the training, validation and, where it has a folder, test split.

    Raises `DataError` with all faults: folders, partners, files that cannot be read, sizes, mask
    values, splits with fewer than two classes, masks stored in ways that contradict each other.
    Logs a warning for leaks, for files that are skipped and for classes without a pixel. Writes
    nothing but the cache of leaks. `progress` is called with (pairs done, pairs in all), again
    while many images are compared.
    """
    source, notes = _found(segment)
    return _read(source, notes, stamp_of(source, segment), segment, progress)


def check_again(
    segment: DatasetSegment, path: Path | None = None, *, progress: Progress | None = None
) -> dict[str, Any]:
    """Return the record of `check_data`, as the file at `path` has it if no file has changed.

    The folder is looked through as by `check_data`, with its faults and warnings. A file that is
    new or of another time or size, or a check that was not kept, has all files read, and `path`
    written. Without a path this machine's cache keeps the check.
    """
    source, notes = _found(segment)
    stamp = stamp_of(source, segment)
    path = path or cache_folder() / "checks" / f"{stamp}.json"
    kept = None if source.faults else KeptCheck.read(path, stamp)
    if kept is None:
        kept = _read(source, notes, stamp, segment, progress).kept
        with suppress(OSError):  # The next check costs its time again.
            kept.write(path)
    else:
        _warn(kept.lines)
    return dict(kept.record)


def _found(segment: DatasetSegment) -> tuple[Source, list[str]]:
    """Return the pairs of a data set and the notes on its folder, which are logged."""
    source = source_of(segment, is_kept=False)
    notes = [*source.notes, *unused(source, segment)]
    _warn(notes)
    for folder in source.folders:
        _warn_of_other_files(folder)
    return source, notes


def _read(
    source: Source,
    notes: Sequence[str],
    stamp: str,
    segment: DatasetSegment,
    progress: Progress | None,
) -> DataCheck:
    """Read all files; `stamp` is of before, so that one that changes meanwhile is noticed."""
    pairs = scanned(source, segment, progress=progress)
    faults = [*source.faults, *(fault for each in pairs for fault in each.faults)]
    if faults := faults_of_all(pairs, segment, faults):
        raise DataError(_capped(one_a_cause(faults)))
    summary = DataSummary.of(segment, pairs, leaks_in(pairs, progress=progress), notes)
    absent = _absent_classes(pairs, segment)
    lines = [
        *reading_notes(pairs, segment),
        *summary.leak_lines,
        *absent,
        *unused_bits(pairs, segment),
        *_beyond_memory(pairs, segment),
        *one_region(pairs, segment),
    ]
    _warn(lines)
    digest = hashlib.sha256("".join(each.line for each in pairs).encode())
    record = {
        **{split: len(of_split) for split, of_split in source.splits.items()},
        "fingerprint": digest.hexdigest(),
        "leaks": "; ".join(summary.leak_lines),
        "facts": _facts(pairs, segment),
        **({"absent": "; ".join(absent)} if absent else {}),
    }
    return DataCheck(record, summary, source.held_out, KeptCheck(stamp, record, lines))


def _warn(lines: Sequence[str]) -> None:
    for line in lines:
        _log.warning(line)


def _beyond_memory(pairs: Sequence[ScannedPair], segment: DatasetSegment) -> Iterator[str]:
    for split in (segment.train_split, segment.validation_split):
        pictures = [(each.size[1], each.size[0]) for each in pairs if each.split == split]
        is_augmented = split == segment.train_split
        if line := beyond_memory(split, pictures, segment, is_augmented=is_augmented):
            yield f"{segment.root_dir}: {line}"


def _facts(pairs: Sequence[ScannedPair], segment: DatasetSegment) -> dict[str, float]:
    """Return facts of the training split, by which a search space adapts.

    train_images, classes that occur, rarest_share (of the pixels, of the rarest of them),
    shorter_side (in pixels, of the smallest image) and upper_lower_difference: the share of the
    pixels whose class would have to change for the upper half of the images to hold what the lower
    one does. It is near 0 for images without an up.
    """
    trained = [each for each in pairs if each.split == segment.train_split]
    classes = slice(segment.num_classes)
    halves = np.sum([each.halves[:, classes] for each in trained], axis=0)
    present = halves.sum(0)[halves.sum(0) > 0]
    upper, lower = halves / np.maximum(halves.sum(1, keepdims=True), 1)
    return {
        "train_images": len(trained),
        "classes": len(present),
        "rarest_share": float(present.min() / present.sum()),
        "shorter_side": min(min(each.size) for each in trained),
        "upper_lower_difference": float(np.abs(upper - lower).sum() / 2),
    }


def _absent_classes(pairs: Sequence[ScannedPair], segment: DatasetSegment) -> list[str]:
    """Return a line for each split that lacks classes, and one for classes that no mask has."""
    names, lines = class_names(segment), []
    present = {
        split: frozenset[int]().union(*(c.classes for c in pairs if c.split == split))
        for split in dict.fromkeys(each.split for each in pairs)
    }
    everywhere = frozenset[int]().union(*present.values())
    nowhere = [name for i, name in enumerate(names) if i not in everywhere]
    if nowhere:
        lines.append(
            f"dataset.segment.num_classes is {len(names)}, but no mask has {_listed(nowhere)};"
            " where one is predicted, its IoU counts as 0"
        )
    for split, classes in present.items():
        missing = [n for i, n in enumerate(names) if i in everywhere and i not in classes]
        if missing:
            lines.append(f"no mask of the split {split} has {_listed(missing)}")
    return lines


def _listed(names: list[str]) -> str:
    shown, more = ", ".join(names[:_SHOWN]), len(names) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _warn_of_other_files(folder: Path) -> None:
    if others := other_files(folder):
        _log.warning("%s is not an image and is skipped (%d such files)", others[0], len(others))


def _capped(faults: list[str]) -> list[str]:
    if len(faults) <= MOST_FAULTS:
        return faults
    return [*faults[:MOST_FAULTS], f"... and {len(faults) - MOST_FAULTS} more faults"]
