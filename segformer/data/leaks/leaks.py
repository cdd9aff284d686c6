"""The pairs of images of a data set that show the same, and lines and JSON about them."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segformer.data.leaks.near import LEAST_LIKENESS, Match, matches
from segformer.data.leaks.thumbnail import ORIENTATIONS, Grey
from segformer.storage.atomic import replacing
from segformer.storage.staging import cache_folder

Progress = Callable[[int, int], None]

_VERSION = 1
"""Part of the name in the cache; raise it with every change of what counts as nearly the same."""
_MOST_LISTED = 1000


@dataclass(frozen=True)
class SplitImage:
    """An image as it is compared: split, path, the SHA-256 of its file, and its thumbnail."""

    split: str
    path: Path
    digest: str
    thumbnail: Grey

    @property
    def name(self) -> str:
        """The image as people read it: split and file name."""
        return f"{self.split}/{self.path.name}" if self.split else self.path.name


@dataclass(frozen=True)
class Leak:
    """Two images that show the same."""

    first: SplitImage
    second: SplitImage
    likeness: float = 1.0
    """Correlation of their details, from `LEAST_LIKENESS` to 1."""
    orientation: int = 0
    """What was done to the second, by number in `ORIENTATIONS`."""

    @property
    def is_exact(self) -> bool:
        """Whether the files are equal byte for byte."""
        return self.first.digest == self.second.digest

    @property
    def is_between_splits(self) -> bool:
        """Whether one of them is in another split, where it makes scores too good."""
        return self.first.split != self.second.split

    @property
    def how(self) -> str:
        """How alike they are, in words."""
        if self.is_exact:
            return "equal byte for byte"
        turned = ORIENTATIONS[self.orientation]
        return f"{f'{turned}, ' if turned else ''}likeness {self.likeness:.2f}"

    def to_dict(self) -> dict[str, Any]:
        """Return the pair as JSON values."""
        return {
            "first": self.first.name, "second": self.second.name, "exact": self.is_exact,
            "between_splits": self.is_between_splits, "likeness": round(self.likeness, 4),
            "orientation": ORIENTATIONS[self.orientation] or "same",
        }  # fmt: skip


@dataclass(frozen=True)
class Leaks:
    """All pairs of a data set: those between splits first, the most alike first."""

    pairs: Sequence[Leak] = ()

    def lines(self) -> Iterator[str]:
        """Yield a line for each kind of pair: between splits or within, equal or nearly."""
        for is_between, where in ((True, "of different splits"), (False, "of one split")):
            for is_exact, what in ((True, "equal byte for byte"), (False, "nearly the same")):
                kind = (is_between, is_exact)
                pairs = [p for p in self.pairs if (p.is_between_splits, p.is_exact) == kind]
                if pairs:
                    yield _line(pairs, where, what, is_between=is_between)

    def to_dict(self) -> dict[str, Any]:
        """Return counts, and the pairs up to a thousand, as JSON values."""
        between = sum(pair.is_between_splits for pair in self.pairs)
        return {
            "between_splits": between,
            "within_splits": len(self.pairs) - between,
            "pairs": [pair.to_dict() for pair in self.pairs[:_MOST_LISTED]],
        }


def leaks_of(images: Sequence[SplitImage], *, progress: Progress | None = None) -> Leaks:
    """Return the pairs of images that are equal or nearly the same, in any orientation.

    Of files that are equal each is paired with the first. Which contents are nearly the same is
    kept in the cache, under the contents of all files.
    """
    first: dict[str, SplitImage] = {}
    exact = [
        Leak(first[image.digest], image)
        for image in images
        if first.setdefault(image.digest, image) is not image
    ]
    originals = list(first.values())
    near = [
        Leak(originals[m.first], originals[m.second], m.likeness, m.orientation)
        for m in _cached_matches(originals, progress)
    ]
    order = sorted(exact + near, key=lambda leak: (not leak.is_between_splits, -leak.likeness))
    return Leaks(order)


def _cached_matches(images: Sequence[SplitImage], progress: Progress | None) -> list[Match]:
    """Return the matches of images with different contents, from the cache if they are there."""
    names = [image.digest for image in images]
    key = json.dumps([_VERSION, LEAST_LIKENESS, names])
    path = cache_folder() / "leaks" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
    try:
        return [Match(*entry) for entry in json.loads(path.read_text("utf-8"))]
    except (OSError, ValueError, TypeError):
        pass  # It is not there, or was damaged.
    result = matches([image.thumbnail for image in images], progress=progress)
    entries = [(m.first, m.second, m.orientation, m.likeness) for m in result]
    try:
        with replacing(path) as part:
            part.write_text(json.dumps(entries), "utf-8")
    except OSError:
        pass  # A cache that cannot be written costs the time again.
    return result


def _line(pairs: Sequence[Leak], where: str, what: str, *, is_between: bool) -> str:
    one = pairs[0]
    how = "" if one.is_exact else f" ({one.how})"
    count = f"{len(pairs)} pairs of images" if len(pairs) > 1 else "a pair of images"
    effect = ": scores on copies of training images are too good" if is_between else ""
    return f"{count} {where}, {what}, as {one.first.name} and {one.second.name}{how}{effect}"
