"""Reads every pair of a data set once, and keeps what the check and the summary say of it."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from os import cpu_count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segformer.data.channels import composite
from segformer.data.images import NO_NUMBER, Colour
from segformer.data.labels import IGNORED, class_names
from segformer.data.leaks.leaks import Leaks, SplitImage, leaks_of
from segformer.data.leaks.thumbnail import thumbnail
from segformer.data.load import LoadedPair, load_pair
from segformer.data.pairs import Pair
from segformer.data.source import Source
from segformer.errors import DataError
from segformer.spec.sections.dataset import DatasetSegment

_SAMPLED = 256
"""Colours are averaged over at most about this many rows and columns."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ScannedPair:
    """What one pair holds; of one that cannot be read, its faults alone."""

    split: str
    pair: Pair
    faults: tuple[str, ...] = ()
    image: SplitImage | None = None
    """As it is compared with others."""
    mask_hash: str = ""
    size: tuple[int, int] = (0, 0)
    """Width and height."""
    halves: NDArray[np.int64] = field(default_factory=lambda: np.zeros((2, 256), np.int64))
    """Pixels by class id, 0 to 255, of the upper and of the lower half: 2x256."""
    colours: Mapping[int, tuple[float, float, float]] = field(default_factory=dict)
    """The mean red, green and blue of each class that it shows."""
    reading: str = ""
    """How the mask was read (`Labels.reading`)."""
    kind: str = ""
    """How the image is stored, as "8-bit RGB"."""
    largest: int | None = None
    """The largest value of an image of 16 bits."""
    table: frozenset[tuple[int, Colour]] = frozenset()
    """See `LoadedPair`."""
    is_scaled: bool = True
    """See `LoadedPair`."""
    empty: tuple[int, int] | None = None
    """See `LoadedPair`."""
    is_turned_alone: bool = False
    """See `LoadedPair`."""
    is_lossy: bool = False
    """See `MaskFile`."""

    @property
    def pixels(self) -> NDArray[np.int64]:
        """Pixels by class id, 0 to 255."""
        totals: NDArray[np.int64] = self.halves.sum(axis=0)
        return totals

    @property
    def name(self) -> str:
        """The pair as people read it: split and file name."""
        return f"{self.split}/{self.pair.image.name}"

    @property
    def classes(self) -> frozenset[int]:
        """The ids of the classes that it shows."""
        return frozenset(np.flatnonzero(self.pixels[:IGNORED]).tolist())

    @property
    def is_empty(self) -> bool:
        """Whether the mask has nothing but class 0 and ignored pixels."""
        return not self.pixels[1:IGNORED].any()

    @property
    def line(self) -> str:
        """The pair's part of the data's fingerprint."""
        digest = self.image.digest if self.image is not None else ""
        names = self.pair.image.name, self.pair.mask.name
        return f"{self.split}\t{names[0]}\t{digest}\t{names[1]}\t{self.mask_hash}\n"


def scanned(
    source: Source, segment: DatasetSegment, *, progress: Progress | None = None
) -> list[ScannedPair]:
    """Read all pairs in order; `progress` is called with (pairs done, pairs in all)."""
    todo = [(split, pair) for split, pairs in source.splits.items() for pair in pairs]
    result = []
    for done, each in enumerate(_scanned(todo, segment), start=1):
        result.append(each)
        if progress:
            progress(done, len(todo))
    return result


def reading_notes(pairs: Sequence[ScannedPair], segment: DatasetSegment) -> Iterator[str]:
    """Say once how masks and images are read of which nothing but the file says it."""
    root, names = segment.root_dir, class_names(segment)
    if alike := _alike(names):
        yield (
            f"{root}: classes differ in case or separators alone: {'; '.join(alike)}; if they are"
            " one class, give them one name"
        )
    count = sum(bool(each.table) for each in pairs)
    if count:
        yield f"{root}: {count} masks are palette files, whose indices are taken as class values"
    if count := sum(each.is_lossy for each in pairs):
        yield (
            f"{root}: {count} masks have lossy compression and are read as black and white: what "
            "is darker than 128 is 0, and the rest 255"
        )
    if turned := [each for each in pairs if each.is_turned_alone]:
        yield (
            f"{root}: {len(turned)} images are turned as their EXIF says, as {turned[0].name}, and "
            "their masks are not: look whether they lie over each other (automl data show --html)"
        )
    empty = Counter(each.empty for each in pairs if each.empty is not None)
    for (value, class_id), count in sorted(empty.items()):
        marked = (
            "NaN, a fraction or a value below 0" if value == NO_NUMBER else f"the value {value}"
        )
        line = f"{root}: {count} masks mark {marked} as no data (GDAL_NODATA)"
        if class_id == IGNORED:
            yield f"{line}, which does not count"
        else:
            yield (
                f"{line}, but it is that of class {names[class_id]}, and counts; a dataset.json "
                f'with "ignore": {value} and without that class leaves it out'
            )


def _alike(names: Sequence[str]) -> list[str]:
    """Return the names that are one but for case, and for what separates words."""
    by_key: dict[str, list[str]] = {}
    for name in names:
        by_key.setdefault(re.sub(r"[\s_-]+", " ", name.casefold()).strip(), []).append(name)
    return [", ".join(map(repr, each)) for each in by_key.values() if len(each) > 1]


def leaks_in(pairs: Sequence[ScannedPair], *, progress: Progress | None = None) -> Leaks:
    """Return the images that show the same; `progress` counts up to the number of pairs again."""

    def scaled(done: int, count: int) -> None:
        if progress:
            progress(done * len(pairs) // count, len(pairs))

    return leaks_of([p.image for p in pairs if p.image is not None], progress=scaled)


def _scanned(todo: list[tuple[str, Pair]], segment: DatasetSegment) -> Iterator[ScannedPair]:
    # Pillow and numpy release the interpreter lock while they decode.
    with ThreadPoolExecutor(max_workers=min(8, cpu_count() or 1)) as pool:
        yield from pool.map(lambda item: _scan(item[0], item[1], segment), todo)


def _scan(split: str, pair: Pair, segment: DatasetSegment) -> ScannedPair:
    try:
        loaded = load_pair(pair, segment)
    except DataError as error:
        return ScannedPair(split, pair, error.faults)
    image_hash, mask_hash = _hash(pair.image), _mask_hash(pair, loaded.ids)
    height, width = loaded.ids.shape
    return ScannedPair(
        split,
        pair,
        () if image_hash != mask_hash else (f"{pair.image}: is its own mask, {pair.mask}",),
        SplitImage(split, pair.image, image_hash, thumbnail(loaded.image)),
        mask_hash,
        (width, height),
        np.stack([np.bincount(h.ravel(), minlength=256) for h in np.array_split(loaded.ids, 2)]),
        _colours(loaded),
        loaded.reading,
        loaded.kind,
        loaded.largest,
        loaded.table,
        loaded.is_scaled,
        loaded.empty,
        loaded.is_turned_alone,
        loaded.is_lossy,
    )


def _colours(loaded: LoadedPair) -> dict[int, tuple[float, float, float]]:
    height, width = loaded.ids.shape
    step = np.s_[:: max(1, height // _SAMPLED), :: max(1, width // _SAMPLED)]
    ids, pixels = loaded.ids[step].ravel(), composite(loaded.image)[step].reshape(-1, 3)
    counts = np.bincount(ids, minlength=IGNORED + 1)
    red, green, blue = (np.bincount(ids, pixels[:, c], IGNORED + 1) for c in range(3))
    return {
        i: (red[i] / counts[i], green[i] / counts[i], blue[i] / counts[i])
        for i in np.flatnonzero(counts[:IGNORED]).tolist()
    }


def _mask_hash(pair: Pair, ids: NDArray[np.uint8]) -> str:
    """Return the hash of a mask's file, or of the mask itself if it was drawn from annotations."""
    return _hash(pair.mask) if pair.draw is None else hashlib.sha256(ids.tobytes()).hexdigest()


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
