"""What is wrong with a data set as a whole, although each of its pairs can be read."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from segformer.data.depth import dark_colours_line, unused_bits_line
from segformer.data.images import WIDE_BITS, Colour
from segformer.data.labels import COLOURS, GREY, GREY_IN_RGB
from segformer.data.palette import Palette
from segformer.data.scan import ScannedPair
from segformer.spec.sections.dataset import DatasetSegment

_LEAST_MASKS = 5
"""Fewer that show the same may be chance."""
_ALIKE = 0.005
"""The largest difference of a class's share of a half of such masks."""


def faults_of_all(
    pairs: Sequence[ScannedPair], segment: DatasetSegment, faults: Sequence[str]
) -> list[str]:
    """Return the faults of files with those of the whole set.

    They are masks stored in ways that contradict each other, and if nothing else is wrong, splits
    with too few classes.
    """
    every = [*faults, *_mixed_readings(pairs, segment), *_index_faults(pairs)]
    return every or [*_too_few_classes(pairs, segment)]


def unused_bits(pairs: Sequence[ScannedPair], segment: DatasetSegment) -> Iterator[str]:
    """Name images that would be nearly black: 4095 of 65535 leaves 16 of 256 greys."""
    wide = [(each.largest, each.is_scaled) for each in pairs if each.largest is not None]
    scaled = max((largest for largest, is_scaled in wide if is_scaled), default=None)
    if scaled is not None and scaled < 2 ** (segment.image_bits - 1):
        yield f"{segment.root_dir}: {unused_bits_line(scaled, segment.image_bits)}"
    # Of other pictures, such as colours, the upper bytes are read.
    of_bytes = max((largest for largest, is_scaled in wide if not is_scaled), default=None)
    if of_bytes is not None and of_bytes < 2 ** (WIDE_BITS - 1):
        yield f"{segment.root_dir}: {dark_colours_line(of_bytes)}"


def one_region(pairs: Sequence[ScannedPair], segment: DatasetSegment) -> Iterator[str]:
    """Name training masks that show the same in every image, as a field of view does."""
    masks = [each.halves / max(1, each.halves.sum()) for each in pairs
             if each.split == segment.train_split]  # fmt: skip
    if len(masks) < _LEAST_MASKS or np.ptp(masks, axis=0).max() > _ALIKE:
        return
    yield (
        f"{segment.root_dir}: all {len(masks)} masks of {segment.train_split} show nearly the same,"
        " as a field of view does; if they are no annotations, name the folder of those in "
        'dataset.json ("splits")'
    )


def _mixed_readings(pairs: Sequence[ScannedPair], segment: DatasetSegment) -> Iterator[str]:
    """Name a mask of each format, if one value could mean two classes depending on the format.

    1 in a 1-bit mask may be class 1, or the white that is 255 in 8 bits; black in an RGB mask may
    be the value 0 or a colour.
    """
    first = {c.reading: c.pair.mask for c in reversed(pairs) if c.reading}
    greys = [r for r in first if r not in (COLOURS, GREY_IN_RGB)]
    ambiguous = [] if segment.label_transform == "norm" or greys == [GREY] else greys
    if COLOURS in first and GREY_IN_RGB in first and Palette(segment).is_mixed:
        ambiguous = [COLOURS, GREY_IN_RGB]
    if len(ambiguous) > 1:
        counts = Counter(c.reading for c in pairs)
        ways = ", ".join(f"{first[r]} holds {r} (as {counts[r]} in all)" for r in ambiguous)
        yield f"{ways}: the same value may mean different classes; save all masks in one format"


def _too_few_classes(pairs: Sequence[ScannedPair], segment: DatasetSegment) -> Iterator[str]:
    """Name the splits with nothing to learn or measure; mostly the masks are read wrongly."""
    for split in dict.fromkeys(each.split for each in pairs):
        classes = frozenset[int]().union(*(c.classes for c in pairs if c.split == split))
        needed = 2 if split == segment.train_split else 1
        if len(classes) < needed:
            problem = f"only class {min(classes)} occurs" if classes else "no pixel counts"
            ignored = "no value" if segment.ignore_index is None else segment.ignore_index
            folder = Path(segment.root_dir) / "masks" / split
            where = folder if folder.is_dir() else f"{segment.root_dir}: the split {split}"
            line = f"{where}: {problem}; {ignored} is ignored (dataset.segment.ignore_index)"
            if segment.label_transform == "norm" or any(c.pair.draw for c in pairs):
                yield line
            else:
                yield (
                    f"{line} and dataset.segment.label_transform is {segment.label_transform}; "
                    "masks of 0 and 255 need dataset.segment.label_transform=norm"
                )


def _index_faults(pairs: Sequence[ScannedPair]) -> Iterator[str]:
    """Name two masks that give one colour other indices, which then are no numbers of classes."""
    first: dict[Colour, tuple[set[int], Path]] = {}
    for each in pairs:
        indices: dict[Colour, set[int]] = {}
        for index, colour in each.table:
            indices.setdefault(colour, set()).add(index)
        for colour, found in sorted(indices.items()):
            others, path = first.setdefault(colour, (found, each.pair.mask))
            if not others & found:
                yield (
                    f"{each.pair.mask}: gives the colour {list(colour)} the index {min(found)}, "
                    f"and {path.name} gives it {min(others)}, so that indices are no class values; "
                    "say the colours of the classes in dataset.json"
                )
                return
