"""What a data set holds: counts, sizes, classes and what stands out, before any training."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segformer.data.faults import one_a_cause
from segformer.data.labels import IGNORED, class_names
from segformer.data.leaks.leaks import Leaks, SplitImage, leaks_of, scaled
from segformer.data.leaks.thumbnail import thumbnail
from segformer.data.load import load_pair
from segformer.data.pairs import Pair
from segformer.data.source import source_of
from segformer.errors import DataError
from segformer.spec.sections.dataset import DatasetSegment

_MUCH_LARGER = 4
"""An image this many times as wide or high as the training size loses what is small in it."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class PairSummary:
    """What one pair holds: its size (width, height), and pixels by class id, 255 included."""

    split: str
    pair: Pair
    size: tuple[int, int] = (0, 0)
    pixels: NDArray[np.int64] | None = None
    split_image: SplitImage | None = None
    """As it is compared with others."""
    kind: str = ""
    """How the image is stored, as "8-bit RGB"."""
    largest: int | None = None
    """The largest value of an image of 16 bits."""
    faults: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the mask has nothing but class 0 and ignored pixels."""
        return self.pixels is not None and not self.pixels[1:IGNORED].any()


@dataclass(frozen=True)
class SplitSummary:
    """One split: its images, their sizes, and the share of each class."""

    name: str
    images: int
    smallest: tuple[int, int]
    median: tuple[int, int]
    largest: tuple[int, int]
    pixel_shares: Mapping[str, float]
    """Of the pixels that count."""
    image_shares: Mapping[str, float]
    """Of the images, those that show a class."""
    ignored_share: float
    empty_masks: int

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as JSON values."""
        return {
            "images": self.images,
            "sizes": {"smallest": self.smallest, "median": self.median, "largest": self.largest},
            "pixel_shares": {name: round(v, 6) for name, v in self.pixel_shares.items()},
            "image_shares": {name: round(v, 6) for name, v in self.image_shares.items()},
            "ignored_share": round(self.ignored_share, 6),
            "empty_masks": self.empty_masks,
        }


@dataclass(frozen=True)
class DataSummary:
    """A data set as `automl data show` prints it."""

    segment: DatasetSegment
    pairs: Sequence[PairSummary]
    splits: Sequence[SplitSummary]
    kinds: Mapping[str, int]
    leaks: Leaks
    """Images that show the same, in pairs."""
    notes: Sequence[str]
    faults: Sequence[str]

    @property
    def classes(self) -> list[str]:
        """Return the names of the classes in order of id."""
        return class_names(self.segment)

    @property
    def largest(self) -> int | None:
        """Return the largest value of all images of 16 bits; None without such images."""
        return max((p.largest for p in self.pairs if p.largest is not None), default=None)

    @property
    def leak_lines(self) -> list[str]:
        """Return a line for each kind of images that show the same."""
        return list(self.leaks.lines())

    @property
    def warnings(self) -> list[str]:
        """Return a line for each thing that stands out."""
        return [*self._absent_classes(), *self._size_warnings(), *self.leak_lines]

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as JSON values."""
        return {
            "folder": self.segment.root_dir,
            "classes": self.classes,
            "splits": {split.name: split.to_dict() for split in self.splits},
            "images_by_kind": dict(self.kinds),
            "largest_of_16_bits": self.largest,
            "image_bits": self.segment.image_bits,
            "training_size": self.segment.img_size,
            "leaks": self.leaks.to_dict(),
            "notes": list(self.notes),
            "warnings": self.warnings,
            "faults": list(self.faults),
        }

    def text(self) -> str:
        """Return the summary as tables for a terminal."""
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.kinds.items())
        if self.largest is not None:
            kinds += f" (values up to {self.largest}; {self.segment.image_bits} bits are used)"
        head = [*self.notes, f"{self.segment.root_dir}: {len(self.pairs)} pairs; images: {kinds}"]
        return "\n".join(
            [
                *head, "", *self._split_table(), "", *self._class_table(), "",
                *(f"warning: {line}" for line in self.warnings),
                *(f"fault: {line}" for line in self.faults),
            ]
        ).rstrip()  # fmt: skip

    def _split_table(self) -> list[str]:
        rows = [("split", "images", "smallest", "median", "largest", "empty masks", "ignored")]
        rows += [
            (
                s.name, str(s.images), _size(s.smallest), _size(s.median), _size(s.largest),
                str(s.empty_masks), _percent(s.ignored_share),
            )
            for s in self.splits
        ]  # fmt: skip
        return _table(rows)

    def _class_table(self) -> list[str]:
        head = ["class", *(f"{s.name} {what}" for s in self.splits for what in ("px", "images"))]
        rows = [tuple(head)]
        for name in self.classes:
            shares = [v for s in self.splits for v in (s.pixel_shares[name], s.image_shares[name])]
            rows.append((name, *map(_percent, shares)))
        return _table(rows)

    def _absent_classes(self) -> Iterator[str]:
        for split in self.splits:
            if absent := [name for name, share in split.pixel_shares.items() if not share]:
                yield f"{split.name}: no mask has {_listed(absent)}"

    def _size_warnings(self) -> Iterator[str]:
        size = self.segment.img_size
        for split in self.splits:
            times = max(split.median) / size
            if times >= _MUCH_LARGER:
                yield (
                    f"{split.name}: images are {_size(split.median)} pixels, {times:.0f} times the "
                    f"training size of {size}: what is small in them is lost; cut them into tiles, "
                    "or raise dataset.segment.img_size"
                )


def summarised(segment: DatasetSegment, *, progress: Progress | None = None) -> DataSummary:
    """Read all pairs of a data set; faults of files are listed, those of the folder are raised."""
    source = source_of(segment, is_kept=False)
    todo = [(split, pair) for split, pairs in source.splits.items() for pair in pairs]
    pairs = []
    with ThreadPoolExecutor(max_workers=min(8, cpu_count() or 1)) as pool:
        for done, each in enumerate(
            pool.map(lambda item: _summary_of(*item, segment=segment), todo), start=1
        ):
            pairs.append(each)
            if progress:
                progress(done, len(todo))
    sound = [each for each in pairs if each.pixels is not None]
    names = class_names(segment)
    by_split = {split: [p for p in sound if p.split == split] for split in source.splits}
    images = [each.split_image for each in sound if each.split_image is not None]
    return DataSummary(
        segment,
        sound,
        [_split_summary(name, each, names) for name, each in by_split.items() if each],
        Counter(each.kind for each in sound),
        leaks_of(images, progress=scaled(progress, len(todo))),
        source.notes,
        one_a_cause([*source.faults, *(fault for each in pairs for fault in each.faults)]),
    )


def _summary_of(split: str, pair: Pair, *, segment: DatasetSegment) -> PairSummary:
    try:
        loaded = load_pair(pair, segment)
        content = pair.image.read_bytes()
    except DataError as error:
        return PairSummary(split, pair, faults=error.faults)
    height, width = loaded.ids.shape
    pixels = np.bincount(loaded.ids.ravel(), minlength=IGNORED + 1)
    digest = hashlib.sha256(content).hexdigest()
    image = SplitImage(split, pair.image, digest, thumbnail(loaded.image))
    return PairSummary(split, pair, (width, height), pixels, image, loaded.kind, loaded.largest)


def _split_summary(name: str, pairs: Sequence[PairSummary], names: Sequence[str]) -> SplitSummary:
    counts = np.array([each.pixels for each in pairs])
    totals, present = counts.sum(axis=0), (counts > 0).sum(axis=0)
    counted = int(totals[:IGNORED].sum()) or 1
    by_area = sorted((each.size for each in pairs), key=lambda size: size[0] * size[1])
    return SplitSummary(
        name,
        len(pairs),
        by_area[0],
        _median(by_area),
        by_area[-1],
        {n: int(totals[i]) / counted for i, n in enumerate(names)},
        {n: int(present[i]) / len(pairs) for i, n in enumerate(names)},
        int(totals[IGNORED]) / (int(totals.sum()) or 1),
        sum(each.is_empty for each in pairs),
    )


def _median(sizes: Iterable[tuple[int, int]]) -> tuple[int, int]:
    widths, heights = zip(*sizes, strict=True)
    return round(median(widths)), round(median(heights))


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _percent(share: float) -> str:
    """Return a share with three digits that count, so that a rare class is not 0.0 %."""
    return f"{100 * share:.3g} %"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in rows
    ]
