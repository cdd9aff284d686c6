"""The pixel counts of each image of a split, and the comparison of two models by them."""

import json
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from segformer.errors import SpecError
from segformer.evaluation.metrics import ClassCounts, confusion_matrix, safe_names
from segformer.storage.atomic import replacing

FILE = "image_counts.npz"
RESAMPLES = 1000
LOW, HIGH = 5.0, 95.0
"""Percentiles that bound the difference."""
FEWEST = 5
"""Images for bounds. A gain on each of four images is chance in 1 of 16 cases, on five in 1 of 32:
only five can be better by more than the 5 % of `LOW`. A bootstrap of fewer shows no chance at all.
"""
_HARMED = (
    OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, RuntimeError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What numpy and zipfile raise for a file that was cut or changed."""
_KINDS = ("iou", "f1", "precision", "recall")


@dataclass(frozen=True)
class Comparison:
    """A metric of two models on the same images, and the bounds of the difference."""

    before: float
    after: float
    low: float
    high: float
    images: int
    """Images over which the bounds were found; below `FEWEST` these are infinite."""


@dataclass(frozen=True)
class ImageCounts:
    """The pixels of each image by class."""

    names: tuple[str, ...]
    """Of the images, in an order that two models share."""
    classes: tuple[str, ...]
    counts: NDArray[np.int64]
    """By image, kind (right, true, predicted) and class: Nx3xC."""

    def write(self, path: Path) -> None:
        """Write the counts as a file of numpy."""
        with replacing(path) as part, part.open("wb") as file:
            np.savez_compressed(
                file,
                counts=self.counts.astype(np.int32),
                names=json.dumps(self.names),
                classes=json.dumps(self.classes),
            )

    @classmethod
    def read(cls, path: Path) -> "ImageCounts":
        """Read what `write` wrote; raises `SpecError`."""
        try:
            # numpy would leave the file of a harmed archive open.
            with path.open("rb") as file, np.load(file) as content:
                counts = content["counts"].astype(np.int64)
                names, classes = (
                    tuple(json.loads(str(content[key]))) for key in ("names", "classes")
                )
        except _HARMED as error:
            raise SpecError(f"{path}: is not what evaluate wrote ({error})") from None
        return cls(names, classes, counts)

    def value(self, metric: str) -> float:
        """Return a metric over all images; see `_metric_of`."""
        return float(_metric_of(self.counts.sum(axis=0), metric, self.classes))


def counts_of_image(prediction: Tensor, truth: Tensor, *, num_classes: int) -> NDArray[np.int64]:
    """Return the right, true and predicted pixels 3xC of class ids HxW against the truth HxW."""
    truth = truth.to(prediction.device)
    matrix = confusion_matrix(prediction.long(), truth, num_classes=num_classes).cpu().numpy()
    return np.stack([np.diagonal(matrix), matrix.sum(axis=1), matrix.sum(axis=0)])


def compare_evaluations(metric: str, old: Path, new: Path) -> Comparison:
    """Compare two evaluations of the same images by a metric of theirs, such as val_miou.

    Raises `SpecError` for other images or classes, and for a metric that counts do not give.
    """
    before, after = ImageCounts.read(old), ImageCounts.read(new)
    if (before.names, before.classes) != (after.names, after.classes):
        raise SpecError(f"{old} and {new}: are evaluations of other images or classes")
    return compared(before.counts, after.counts, metric=metric, classes=before.classes)


def compared(
    old: NDArray[np.int64],
    new: NDArray[np.int64],
    *,
    metric: str = "miou",
    classes: Sequence[str] = (),
    seed: int = 0,
    every_other: bool = False,
) -> Comparison:
    """Return the comparison of two models; the bounds are of a paired bootstrap over images.

    With `every_other` the bounds are of every second image, of those that `class_bias` left out.
    Fewer than `FEWEST` images cannot rule out chance: their bounds are infinite.
    """
    means = [float(_metric_of(counts.sum(axis=0), metric, classes)) for counts in (old, new)]
    part = slice(1, None, 2) if every_other else slice(None)
    first, second = old[part], new[part]
    count = len(first)
    if count < FEWEST:
        return Comparison(means[0], means[1], -np.inf, np.inf, count)
    picks = np.random.default_rng(seed).integers(count, size=(RESAMPLES, count))
    weights = np.stack([np.bincount(pick, minlength=count) for pick in picks]).astype(np.float64)
    one, two = (_resampled(weights, counts, metric, classes) for counts in (first, second))
    gains = (two - one)[np.isfinite(two - one)]
    low, high = np.percentile(gains, [LOW, HIGH]) if len(gains) else (-np.inf, np.inf)
    return Comparison(means[0], means[1], float(low), float(high), count)


def _resampled(
    weights: NDArray[np.float64],
    counts: NDArray[np.int64],
    metric: str,
    classes: Sequence[str],
) -> NDArray[np.float64]:
    """Return a metric of each resample, given how often it has each image."""
    # A product of matrices: picking the images themselves takes minutes for thousands of them.
    flat = weights @ counts.reshape(len(counts), -1).astype(np.float64)
    return _metric_of(flat.reshape(len(weights), *counts.shape[1:]), metric, classes)


def _metric_of(
    counts: NDArray[np.int64] | NDArray[np.float64], metric: str, classes: Sequence[str]
) -> NDArray[np.float64]:
    """Return a metric, `miou` or `val_iou_road` for example, of counts ...x3xC; NaN without any."""
    right, truth, predicted = np.moveaxis(counts.astype(np.float64), -2, 0)
    found = ClassCounts(right, truth, predicted)
    name = metric.removeprefix("val_").removeprefix("test_")
    with np.errstate(invalid="ignore"):
        if name in (means := found.means()):
            return means[name]
    kind, _, of = name.partition("_")
    safe = safe_names(classes)
    if kind not in _KINDS or of not in safe:
        raise SpecError(f"{metric}: cannot be computed from the counts of images")
    return found.per_class()[kind][..., safe.index(of)]
