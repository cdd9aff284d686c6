"""Checks a whole data set before anything is trained on it: every file is read once."""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

from segformer.data.load import load_pair
from segformer.data.pairs import Pair, find_pairs
from segformer.errors import DataError
from segformer.spec import DatasetSegment

MOST_FAULTS = 50
"""A `DataError` lists so many faults and counts the others."""

Progress = Callable[[int, int], None]


def check_data(
    segment: DatasetSegment, *, progress: Progress | None = None
) -> dict[str, int | str]:
    """Read every pair of the training, validation and, where it has a folder, test split.

    Returns the number of pairs by split folder, and a ``fingerprint``: a SHA-256 over the names
    and the bytes of all files. Raises `DataError` with all faults: folders, partners, files that
    cannot be read, sizes, mask values. `progress` is called with (pairs done, pairs in all).
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
    for done, (line, wrong) in enumerate(_checked(todo, segment), start=1):
        digest.update(line.encode())
        faults += wrong
        if progress:
            progress(done, len(todo))
    if faults:
        raise DataError(_capped(faults))
    counts = {split: len(found) for split, found in pairs.items()}
    return {**counts, "fingerprint": digest.hexdigest()}


def _splits(segment: DatasetSegment, root: Path) -> list[str]:
    splits = [segment.train_split, segment.validation_split]
    if (root / "images" / segment.test_split).is_dir():
        splits.append(segment.test_split)
    return list(dict.fromkeys(splits))


def _checked(
    todo: list[tuple[str, Pair]], segment: DatasetSegment
) -> Iterator[tuple[str, list[str]]]:
    def check(item: tuple[str, Pair]) -> tuple[str, list[str]]:
        split, pair = item
        try:
            load_pair(pair, segment)
            line = "\t".join([split, _signature(pair.image), _signature(pair.mask)])
        except DataError as error:
            return "", list(error.faults)
        return line + "\n", []

    # Pillow and numpy let go of the interpreter while they decode.
    with ThreadPoolExecutor(max_workers=min(8, cpu_count() or 1)) as pool:
        yield from pool.map(check, todo)


def _signature(path: Path) -> str:
    return f"{path.name}\t{hashlib.sha256(path.read_bytes()).hexdigest()}"


def _capped(faults: list[str]) -> list[str]:
    if len(faults) <= MOST_FAULTS:
        return faults
    return [*faults[:MOST_FAULTS], f"... and {len(faults) - MOST_FAULTS} more faults"]
