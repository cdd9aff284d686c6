"""Scores of single images: which of them a model segments worst."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segformer.evaluation.metrics import ClassCounts


@dataclass(frozen=True)
class ImageScore:
    """The scores of one image; None if all its pixels are ignored."""

    name: str
    miou: float | None
    """Mean IoU over the classes in its truth or prediction."""
    acc: float | None
    """Share of its pixels that are right."""

    @classmethod
    def of(cls, name: str, counts: NDArray[np.int64]) -> "ImageScore":
        """Return the scores of an image's right, true and predicted pixels 3xC."""
        if not counts.sum():
            return cls(name, None, None)
        means = ClassCounts(*counts.astype(np.float64)).means()
        return cls(name, float(means["miou"]), float(means["acc"]))

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form."""
        return asdict(self)


def worst_first(images: Iterable[ImageScore]) -> list[ImageScore]:
    """Return images by ascending mean IoU, then by name; those without a score come last."""
    return sorted(images, key=lambda image: (image.miou is None, image.miou or 0.0, image.name))
