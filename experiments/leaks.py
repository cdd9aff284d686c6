"""Plants near copies of a data set's images and prints how many of them are found.

    PYTHONPATH=. python experiments/leaks.py my_data [MORE ...] [--count 200]

A copy is turned (eight orientations) and saved as JPEG 60; every other one is first cropped to
90 % of each side. What counts:

- recall: the copies that are reported as a pair with their source;
- precision: of the reported pairs with a copy in them, those of one source, or of sources that the
  set itself has as near duplicates. Frames of a film that stands still are such: they are reported
  too, before anything is planted, and are counted apart.

The exit code is 1 below 95 % of either. --many N prints time and memory of comparing N images of
noise at four scales, as thumbnails.
"""

import argparse
import resource
import sys
import time
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segformer.data.holdout import prefix_of
from segformer.data.images import read_image
from segformer.data.leaks.near import Match, matches
from segformer.data.leaks.thumbnail import SIDE, Grey, thumbnail
from segformer.data.pairs import image_files

Pixels = NDArray[np.uint8]
SHARE = 0.9
QUALITY = 60
LEAST = 0.95


@dataclass(frozen=True)
class Found:
    """What was found in one data set."""

    images: int
    natural: int
    natural_of_one_series: int
    recall: float
    precision: float
    seconds: float


def main() -> int:
    """Measure each folder; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--many", type=int, default=0, metavar="N")
    arguments = parser.parse_args()
    if arguments.many:
        print_cost(arguments.many)
    print("data set, images, own pairs (of one series), recall, precision, seconds")
    worst = 1.0
    for folder in arguments.folders:
        found = measured(folder, arguments.count)
        worst = min(worst, found.recall, found.precision)
        print(
            f"{folder.name}, {found.images}, {found.natural} ({found.natural_of_one_series}), "
            f"{found.recall:.3f}, {found.precision:.3f}, {found.seconds:.0f}"
        )
    return 0 if worst >= LEAST else 1


def measured(folder: Path, count: int) -> Found:
    """Plant copies of the images of images/*/ and look for them."""
    paths = [path for split in sorted((folder / "images").iterdir()) for path in image_files(split)]
    draw = np.random.default_rng(0)
    thumbnails = [thumbnail(read_image(path)) for path in paths]
    natural = matches(thumbnails)
    sources = [int(draw.integers(len(paths))) for _ in range(count)]
    copies = [planted(read_image(paths[s]), k, draw) for k, s in enumerate(sources)]
    start = time.perf_counter()
    pairs = matches([*thumbnails, *copies])
    seconds = time.perf_counter() - start
    source_of = [*range(len(paths)), *sources]
    found = {(m.first, m.second) for m in pairs}
    groups = groups_of(natural, len(paths))
    with_copy = [m for m in pairs if m.second >= len(paths)]
    right = [m for m in with_copy if groups[source_of[m.first]] == groups[source_of[m.second]]]
    series = [prefix_of(path.stem) for path in paths]
    return Found(
        len(paths),
        len(natural),
        sum(series[m.first] == series[m.second] for m in natural),
        sum((s, len(paths) + k) in found for k, s in enumerate(sources)) / count,
        len(right) / max(1, len(with_copy)),
        seconds,
    )


def print_cost(count: int) -> None:
    """Print the seconds and the largest memory of comparing this many generated images."""
    thumbnails = [generated(np.random.default_rng(number)) for number in range(count)]
    start = time.perf_counter()
    pairs = matches(thumbnails)
    seconds = time.perf_counter() - start
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"{count} images: {seconds:.0f} s, {largest:.0f} MB, {len(pairs)} pairs")


def generated(draw: np.random.Generator) -> Grey:
    """Return noise at four scales, each as strong as in natural images."""
    size = (SIDE, SIDE)
    layers = [
        np.asarray(Image.fromarray(draw.normal(0, 255 / n, (n, n)).astype(np.float32)).resize(size))
        for n in (4, 8, 16, SIDE)
    ]
    return (sum(layers) + np.float32(128)).clip(0, 255).astype(np.uint8)


def planted(image: Pixels, number: int, draw: np.random.Generator) -> Grey:
    """Return the thumbnail of a near copy: cropped if `number` is odd, turned, compressed."""
    if number % 2:
        height, width = (round(side * SHARE) for side in image.shape[:2])
        y = draw.integers(image.shape[0] - height + 1)
        x = draw.integers(image.shape[1] - width + 1)
        image = image[y : y + height, x : x + width]
    orientation = number // 2 % 8
    image = image.transpose(1, 0, 2) if orientation & 4 else image
    image = image[::-1] if orientation & 2 else image
    image = image[:, ::-1] if orientation & 1 else image
    buffer = BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, "JPEG", quality=QUALITY)
    return thumbnail(np.asarray(Image.open(buffer).convert("RGB")))


def groups_of(pairs: list[Match], count: int) -> list[int]:
    """Return the group of each image: those that pairs connect are one."""
    group = list(range(count))
    for pair in pairs:
        old, new = group[pair.second], group[pair.first]
        group = [new if each == old else each for each in group]
    return group


if __name__ == "__main__":
    sys.exit(main())
