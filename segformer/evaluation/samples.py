"""Samples for the report: the worst, the median and the best images, and where a model is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from segformer.data.labels import IGNORED
from segformer.data.overlay import striped
from segformer.evaluation.image_scores import ImageScore
from segformer.evaluation.pictures import Pixels, side_by_side, write_picture

FOLDER = "samples"
NOTE = (
    "Each picture: the image, the prediction, the truth, the errors. Pixels that do not count are "
    "striped. Errors are magenta over the image in grey."
)
_EACH = 2
_SIDE = 256
"""The longer side of a sample in pixels, at most."""
_WRONG = np.array((225, 0, 152), dtype=np.uint8)


@dataclass(frozen=True)
class Sample:
    """An image that the report shows, and why."""

    score: ImageScore
    kind: str

    @property
    def caption(self) -> str:
        """Its name, and its rank among all images."""
        return f"{self.score.name}: {self.kind}, mean IoU {self.score.miou:.3f}"

    @property
    def file(self) -> str:
        """Its picture, relative to the report."""
        return f"{FOLDER}/{self.score.name}.png"


def sampled(images: Sequence[ImageScore]) -> list[Sample]:
    """Return the two worst, median and best of images in order of their scores, worst first."""
    scored = [image for image in images if image.miou is not None]
    middle = (len(scored) - _EACH) // 2
    places = {"worst": range(_EACH), "median": range(middle, middle + _EACH),
              "best": range(len(scored) - _EACH, len(scored))}  # fmt: skip
    kinds = {
        place: kind for kind, own in reversed(places.items()) for place in own
        if 0 <= place < len(scored)
    }  # fmt: skip
    return [Sample(scored[place], kinds[place]) for place in sorted(kinds)]


def write_sample(
    folder: Path, sample: Sample, image: Pixels, ids: Pixels, truth: Pixels, colours: Pixels
) -> None:
    """Write image HxWx3, prediction and truth HxW, and the errors side by side, scaled down."""
    image, ids, truth = _small(image, Image.Resampling.BOX), _small(ids), _small(truth)
    counted = truth != IGNORED
    grey = (image.mean(axis=2, keepdims=True) / 2 + 64).astype(np.uint8)
    errors = np.where(((ids != truth) & counted)[..., None], _WRONG, grey)
    gap = np.full((len(image), max(1, image.shape[1] // 40), 3), 255, dtype=np.uint8)
    parts = [image, colours[ids], striped(colours[truth], ~counted), striped(errors, ~counted)]
    row = [part for each in parts for part in (gap, each)][1:]
    path = folder / sample.file
    path.parent.mkdir(parents=True, exist_ok=True)
    write_picture(path, side_by_side(row))


def _small(picture: Pixels, how: Image.Resampling = Image.Resampling.NEAREST) -> Pixels:
    height, width = picture.shape[:2]
    share = _SIDE / max(height, width)
    if share >= 1:
        return picture
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return np.asarray(Image.fromarray(picture).resize(size, how), dtype=np.uint8)
