"""What a data set holds: counts, sizes, classes and what stands out, before any training."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from segformer.data.faults import one_a_cause
from segformer.data.labels import IGNORED, class_names
from segformer.data.leaks.leaks import Leaks
from segformer.data.scan import Progress, ScannedPair, leaks_in, reading_notes, scanned
from segformer.data.source import source_of, unused
from segformer.data.whole import faults_of_all, one_region, unused_bits
from segformer.errors import DataError
from segformer.spec.sections.dataset import DatasetSegment, size_text

_NO_SPLIT = "no split"
_MUCH_LARGER = 4
"""An image this many times as wide or high as the training size loses what is small in it."""


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
    pairs: Sequence[ScannedPair]
    splits: Sequence[SplitSummary]
    kinds: Mapping[str, int]
    leaks: Leaks
    """Images that show the same, in pairs."""
    notes: Sequence[str]
    faults: Sequence[str]

    @classmethod
    def of(
        cls,
        segment: DatasetSegment,
        pairs: Sequence[ScannedPair],
        leaks: Leaks,
        notes: Sequence[str],
        faults: Sequence[str] = (),
    ) -> "DataSummary":
        """Return the summary of pairs; those with faults are left out of it."""
        sound = [each for each in pairs if each.image is not None]
        names = class_names(segment)
        by_split: dict[str, list[ScannedPair]] = {}
        for each in sound:
            by_split.setdefault(each.split or _NO_SPLIT, []).append(each)
        splits = [_split_summary(name, of_split, names) for name, of_split in by_split.items()]
        kinds = Counter(each.kind for each in sound)
        return cls(segment, sound, splits, kinds, leaks, notes, faults)

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
        bits = unused_bits(self.pairs, self.segment)
        region = one_region(self.pairs, self.segment)
        return [*self._absent_classes(), *self._size_warnings(), *bits, *region, *self.leak_lines]

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as JSON values."""
        return {
            "folder": self.segment.root_dir,
            "classes": self.classes,
            "splits": {split.name: split.to_dict() for split in self.splits},
            "images_by_kind": dict(self.kinds),
            "largest_of_16_bits": self.largest,
            "image_bits": self.segment.image_bits,
            "training_size": list(self.segment.size),
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
                *head, "", *_aligned(split_table(self)), "", *_aligned(class_table(self)), "",
                *(f"warning: {line}" for line in self.warnings),
                *(f"fault: {line}" for line in self.faults),
            ]
        ).rstrip()  # fmt: skip

    def _absent_classes(self) -> Iterator[str]:
        for split in self.splits:
            if absent := [name for name, share in split.pixel_shares.items() if not share]:
                yield f"{split.name}: no mask has {_listed(absent)}"

    def _size_warnings(self) -> Iterator[str]:
        if self.segment.resize == "crop":
            return  # What is small keeps its size.
        height, width = self.segment.size
        for split in self.splits:
            times = max(split.median[0] / width, split.median[1] / height)
            if times >= _MUCH_LARGER:
                yield (
                    f"{split.name}: images are {_size(split.median)} pixels, {times:.0f} times the "
                    f"training size of {size_text((height, width))}: what is small in them is lost;"
                    " train on crops (dataset.segment.resize=crop), or raise"
                    " dataset.segment.img_size"
                )


def summarised(segment: DatasetSegment, *, progress: Progress | None = None) -> DataSummary:
    """Read all pairs of a data set; faults of files are listed, those of the folder are raised."""
    source = source_of(segment, is_kept=False)
    pairs = scanned(source, segment, progress=progress)
    of_files = [fault for each in pairs for fault in each.faults]
    faults = one_a_cause(faults_of_all(pairs, segment, [*source.faults, *of_files]))
    if faults and not any(each.image is not None for each in pairs):
        raise DataError(faults)  # There is nothing to show.
    leaks = leaks_in(pairs, progress=progress)
    notes = [*source.notes, *unused(source, segment), *reading_notes(pairs, segment)]
    return DataSummary.of(segment, pairs, leaks, notes, faults)


def split_table(summary: DataSummary) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of the table of splits."""
    head = ["split", "images", "smallest", "median", "largest", "masks of class 0 alone", "ignored"]
    rows = [
        [
            s.name, str(s.images), _size(s.smallest), _size(s.median), _size(s.largest),
            str(s.empty_masks), _percent(s.ignored_share),
        ]
        for s in summary.splits
    ]  # fmt: skip
    return head, rows


def class_table(summary: DataSummary) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of the table of classes."""
    kinds = ("of pixels", "of images")
    head = ["class", *(f"{s.name}: {kind}" for s in summary.splits for kind in kinds)]
    shares = [(s.pixel_shares, s.image_shares) for s in summary.splits]
    rows = [
        [name, *(_percent(each[name]) for both in shares for each in both)]
        for name in summary.classes
    ]
    return head, rows


def _split_summary(name: str, pairs: Sequence[ScannedPair], names: Sequence[str]) -> SplitSummary:
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
    return f"{100 * share:.3g}%"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _aligned(table: tuple[list[str], list[list[str]]]) -> list[str]:
    rows = [table[0], *table[1]]
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
