"""Which unlabelled images to label next: those a model is unsure of, each unlike the others."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segformer.data.leaks.thumbnail import thumbnail, window_hashes
from segformer.data.load import load_image
from segformer.data.pairs import image_files
from segformer.errors import DataError
from segformer.spec.spec import Spec
from segformer.storage.atomic import replacing
from segformer.suspects.model import ProbabilityModel

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Queue:
    """Images in the order in which to label them, each with the model's uncertainty, 0 to 1."""

    images: Sequence[tuple[Path, float]]
    table: Path

    def to_dict(self) -> dict[str, Any]:
        """Return the queue as JSON values."""
        rows = [{"image": str(path), "uncertainty": round(u, 4)} for path, u in self.images]
        return {"queue": rows, "files": {"table": str(self.table)}}

    def text(self) -> str:
        """Return the queue as lines for people."""
        lines = [f"{u:.3f} {path}" for path, u in self.images]
        return "\n".join(["uncertainty, and the images to label next:", *lines, f"{self.table}"])


def queue(
    spec: Spec,
    images: Path,
    folder: Path,
    *,
    model: Path,
    count: int,
    progress: Progress | None = None,
) -> Queue:
    """Choose `count` images of a folder, and write them into queue.csv.

    Each is the one whose uncertainty, times how unlike it is to all chosen before, is largest: of
    two frames that show the same, one is enough. Raises `DataError` for a folder without images.
    """
    paths = image_files(images) if images.is_dir() else []
    if not paths:
        raise DataError(f"--queue: {images} is no folder with images")
    network = ProbabilityModel(model, spec)
    thumbnails, unsure = [], []
    for done, path in enumerate(paths, start=1):
        picture = load_image(path, network.segment).pixels
        thumbnails.append(thumbnail(picture))
        unsure.append(uncertainty(network.probabilities(picture)))
        if progress:
            progress(done, len(paths))
    order = chosen(np.array(unsure), window_hashes(thumbnails)[0], count)
    result = Queue([(paths[i], unsure[i]) for i in order], folder / "queue.csv")
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(result.table) as part, part.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["rank", "image", "uncertainty"])
        table.writerows([i, str(p), round(u, 4)] for i, (p, u) in enumerate(result.images, 1))
    return result


def uncertainty(probabilities: NDArray[np.float32]) -> float:
    """Return the mean entropy of the pixels of CxHxW, over that of a guess: 0 to 1."""
    clipped = probabilities.clip(1e-7)
    entropy = -(clipped * np.log(clipped)).sum(axis=0).mean()
    return float(entropy / np.log(len(probabilities)))


def chosen(unsure: NDArray[np.float64], hashes: NDArray[np.float32], count: int) -> list[int]:
    """Return numbers of images, the most unsure first, each unlike those before it."""
    distances = np.ones(len(unsure))
    order: list[int] = []
    for _ in range(min(count, len(unsure))):
        worth = unsure * distances
        worth[order] = -1.0
        order.append(int(worth.argmax()))
        likeness = hashes @ hashes[order[-1]]
        distances = np.minimum(distances, (1 - likeness).clip(0, 1))
    return order
