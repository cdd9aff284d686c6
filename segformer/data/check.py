"""Checks a whole data set before anything is trained on it: every file is read once."""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path

import numpy as np

from segformer.data.labels import IGNORED
from segformer.data.load import load_pair
from segformer.data.pairs import Pair, find_pairs
from segformer.errors import DataError
from segformer.spec_dataset import DatasetSegment

MOST_FAULTS = 50
"""A `DataError` lists so many faults and counts the others."""

Progress = Callable[[int, int], None]


def check_data(
    segment: DatasetSegment, *, progress: Progress | None = None
) -> dict[str, int | str]:
    """Read every pair of the training, validation and, where it has a folder, test split.

    Returns the number of pairs by split folder, and a ``fingerprint``: a SHA-256 over the names
    and the bytes of all files. Raises `DataError` with all faults: folders, partners, files that
    cannot be read, sizes, mask values, masks without two classes to tell apart. `progress` is
    called with (pairs done, pairs in all).
    """
    root = Path(segment.root_dir)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder (dataset.segment.root_dir)")
    pairs, faults = {}, []
    for split in _splits(segment, root):
        pairs[split], wrong = find_pairs(root, split)
        faults += wrong
    todo = [(split, pair) for split, found in pairs.items() for pair in found]
    digest = hashlib.sha256()
    seen: dict[str, set[int]] = {split: set() for split in pairs}
    for done, pair in enumerate(_checked(todo, segment), start=1):
        digest.update(pair.line.encode())
        faults += pair.faults
        seen[pair.split] |= pair.classes
        if progress:
            progress(done, len(todo))
    faults += [] if faults else _too_few_classes(seen, segment)
    if faults:
        raise DataError(_capped(faults))
    counts = {split: len(found) for split, found in pairs.items()}
    return {**counts, "fingerprint": digest.hexdigest()}


def _splits(segment: DatasetSegment, root: Path) -> list[str]:
    splits = [segment.train_split, segment.validation_split]
    if (root / "images" / segment.test_split).is_dir():
        splits.append(segment.test_split)
    return list(dict.fromkeys(splits))


@dataclass(frozen=True)
class _Checked:
    """What was found in one pair."""

    split: str
    line: str = ""
    classes: frozenset[int] = frozenset()
    faults: tuple[str, ...] = ()


def _checked(todo: list[tuple[str, Pair]], segment: DatasetSegment) -> Iterator[_Checked]:
    def check(item: tuple[str, Pair]) -> _Checked:
        split, pair = item
        try:
            _, ids = load_pair(pair, segment)
        except DataError as error:
            return _Checked(split, faults=error.faults)
        line = "\t".join([split, _signature(pair.image), _signature(pair.mask)])
        classes = frozenset(np.flatnonzero(np.bincount(ids.ravel(), minlength=IGNORED)).tolist())
        return _Checked(split, line + "\n", classes - {IGNORED})

    # Pillow and numpy let go of the interpreter while they decode.
    with ThreadPoolExecutor(max_workers=min(8, cpu_count() or 1)) as pool:
        yield from pool.map(check, todo)


def _too_few_classes(seen: dict[str, set[int]], segment: DatasetSegment) -> Iterator[str]:
    """Name the splits that teach or measure nothing, mostly for a wrong reading of the masks."""
    for split, classes in seen.items():
        wanted = 2 if split == segment.train_split else 1
        if len(classes) < wanted:
            found = f"only class {min(classes)} occurs" if classes else "no pixel counts"
            yield (
                f"{Path(segment.root_dir) / 'masks' / split}: {found}, where value "
                f"{segment.ignore_index} is ignored (dataset.segment.ignore_index) and "
                f"dataset.segment.label_transform is {segment.label_transform}; masks of 0 and 255 "
                "want dataset.segment.label_transform=norm"
            )


def _signature(path: Path) -> str:
    return f"{path.name}\t{hashlib.sha256(path.read_bytes()).hexdigest()}"


def _capped(faults: list[str]) -> list[str]:
    if len(faults) <= MOST_FAULTS:
        return faults
    return [*faults[:MOST_FAULTS], f"... and {len(faults) - MOST_FAULTS} more faults"]
