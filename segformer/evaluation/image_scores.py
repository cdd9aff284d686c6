"""Scores of single images: which of them a model segments worst."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from segformer.evaluation.metrics import Scores, confusion_matrix


@dataclass(frozen=True)
class ImageScore:
    """The scores of one image; None if all its pixels are ignored."""

    name: str
    miou: float | None
    """Mean IoU over the classes in its truth or prediction."""
    acc: float | None
    """Share of its pixels that are right."""

    @classmethod
    def of(cls, name: str, prediction: Tensor, truth: Tensor, *, num_classes: int) -> "ImageScore":
        """Return the scores of class ids HxW against the truth HxW."""
        truth = truth.to(prediction.device)
        matrix = confusion_matrix(prediction.long(), truth, num_classes=num_classes).cpu().numpy()
        if not matrix.sum():
            return cls(name, None, None)
        means = Scores(matrix, math.nan).summary()
        return cls(name, means["miou"], means["acc"])

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form."""
        return asdict(self)


def worst_first(images: Iterable[ImageScore]) -> list[ImageScore]:
    """Return images by ascending mean IoU, then by name; those without a score come last."""
    return sorted(images, key=lambda image: (image.miou is None, image.miou or 0.0, image.name))
