"""Loss and scores of a segmentation, summed over batches; ignored pixels are in no score."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from segformer.data.labels import IGNORED
from segformer.errors import DataError
from segformer.parallel.collective import summed


def resize_logits(logits: Tensor, size: tuple[int, int], *, align_corners: bool) -> Tensor:
    """Logits BxCxhxw -> BxCxHxW, bilinear."""
    return F.interpolate(logits, size=size, mode="bilinear", align_corners=align_corners)


def pixel_loss(logits: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Sum of the cross-entropy over the pixels that are not ignored, and their number.

    Takes logits BxCxHxW and mask BxHxW (int64). A batch without such a pixel gives (0, 0).
    """
    # One row per pixel: CUDA has a deterministic kernel for rows, but none for images.
    rows = logits.movedim(1, -1).flatten(0, -2)
    total = F.cross_entropy(rows, mask.flatten(), ignore_index=IGNORED, reduction="sum")
    return total, (mask != IGNORED).sum()


def confusion_matrix(prediction: Tensor, truth: Tensor, *, num_classes: int) -> Tensor:
    """Pixels by true class (row) and predicted class (column): CxC, int64.

    Both arguments are class ids of the same shape; pixels with truth 255 are left out.
    """
    counted = truth != IGNORED
    pairs = truth[counted] * num_classes + prediction[counted]
    return torch.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def null_if_nan(value: float) -> float | None:
    """Return a score for JSON, which has null for a class without a score."""
    return None if math.isnan(value) else value


@dataclass(frozen=True)
class ClassCounts:
    """Pixels by class, and the scores that follow, between 0 and 1.

    The last axis is the class; any axes before it, such as one of resamples, stay. A class that is
    neither in the truth nor predicted has no score (NaN) and is left out of the means; a class that
    is in only one of them scores 0.
    """

    right: NDArray[np.float64]
    truth: NDArray[np.float64]
    predicted: NDArray[np.float64]

    @property
    def iou(self) -> NDArray[np.float64]:
        """Per class, correct pixels over pixels in truth or prediction."""
        return self._share(self.truth + self.predicted - self.right)

    @property
    def precision(self) -> NDArray[np.float64]:
        """Per class, correct pixels over predicted pixels."""
        return self._share(self.predicted)

    @property
    def recall(self) -> NDArray[np.float64]:
        """Per class, correct pixels over true pixels."""
        return self._share(self.truth)

    @property
    def f1(self) -> NDArray[np.float64]:
        """Per class, harmonic mean of precision and recall."""
        return self._share((self.truth + self.predicted) / 2)

    def means(self) -> dict[str, NDArray[np.float64]]:
        """Means over the classes: miou, acc, macc, mf1, mprecision, mrecall.

        acc is over all pixels. macc is the mean recall of the classes in the truth; mrecall also
        includes the zeros of classes that are only predicted.
        """
        recall = self.recall
        return {
            "miou": np.nanmean(self.iou, axis=-1),
            "acc": self.right.sum(axis=-1) / self.truth.sum(axis=-1),
            "macc": np.nanmean(np.where(self.truth > 0, recall, np.nan), axis=-1),
            "mf1": np.nanmean(self.f1, axis=-1),
            "mprecision": np.nanmean(self.precision, axis=-1),
            "mrecall": np.nanmean(recall, axis=-1),
        }

    def per_class(self) -> dict[str, NDArray[np.float64]]:
        """Each kind of score, as one value per class."""
        return {
            "iou": self.iou,
            "f1": self.f1,
            "precision": self.precision,
            "recall": self.recall,
        }

    def _share(self, of: NDArray[np.float64]) -> NDArray[np.float64]:
        occurs = self.truth + self.predicted > 0
        share = np.divide(self.right, of, out=np.zeros_like(of), where=of > 0)
        return np.where(occurs, share, np.nan)


@dataclass(frozen=True)
class Scores:
    """The scores of a confusion matrix; see `ClassCounts`."""

    matrix: NDArray[np.int64]
    """Pixels by true class (row) and predicted class (column)."""
    loss: float
    """Mean cross-entropy per pixel."""

    @property
    def counts(self) -> ClassCounts:
        """The pixels of each class that are right, true and predicted."""
        right, truth = np.diagonal(self.matrix), self.matrix.sum(axis=1)
        predicted = self.matrix.sum(axis=0)
        return ClassCounts(*(part.astype(np.float64) for part in (right, truth, predicted)))

    def summary(self) -> dict[str, float]:
        """Means over the classes, and the loss."""
        means = {name: float(value) for name, value in self.counts.means().items()}
        return {"loss": self.loss, **means}

    def constant(self) -> dict[str, float]:
        """The scores of predicting the most frequent class everywhere: constant_miou, _acc."""
        truth = self.counts.truth
        share = float(truth.max() / truth.sum())
        return {"constant_miou": share / int((truth > 0).sum()), "constant_acc": share}

    def per_class(self) -> dict[str, NDArray[np.float64]]:
        """Each kind of score, as one value per class."""
        return self.counts.per_class()

    def metrics(self, prefix: str, class_names: Sequence[str]) -> dict[str, float]:
        """The summary and the scores of the classes, by name: `val_miou`, `val_iou_road` ..."""
        named = {f"{prefix}_{key}": value for key, value in self.summary().items()}
        for kind, values in self.per_class().items():
            for name, value in zip(safe_names(class_names), values, strict=True):
                if not math.isnan(value):
                    named[f"{prefix}_{kind}_{name}"] = float(value)
        return named


class Watcher(Protocol):
    """Sums something else over batches."""

    def add(self, logits: Tensor, mask: Tensor) -> None:
        """Add a batch, logits BxCxHxW and mask BxHxW."""


class Tally:
    """Sums loss and confusion matrix over batches, on the device of the first batch."""

    def __init__(
        self, num_classes: int, *, align_corners: bool, watchers: Sequence[Watcher] = ()
    ) -> None:
        """Make a tally; `watchers` see the logits of each batch at the size of its masks."""
        self.num_classes = num_classes
        self._watchers = watchers
        self.align_corners = align_corners
        self._matrix = torch.zeros(num_classes, num_classes, dtype=torch.int64)
        self._loss = torch.zeros((), dtype=torch.float64)

    @torch.no_grad()
    def add(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Add a batch, logits BxCxhxw of any size and mask BxHxW; return its prediction BxHxW."""
        size = (mask.shape[1], mask.shape[2])
        logits = resize_logits(logits, size, align_corners=self.align_corners)
        for watcher in self._watchers:
            watcher.add(logits, mask)
        prediction = logits.argmax(1)
        matrix = confusion_matrix(prediction, mask, num_classes=self.num_classes)
        # In double precision the sum does not depend on the batch size.
        self._loss = self._loss.to(mask.device) + pixel_loss(logits, mask)[0].double()
        self._matrix = self._matrix.to(mask.device) + matrix
        return prediction

    def scores(self, *, what: str) -> Scores:
        """The scores over all batches of all processes, on each of them.

        Raises `DataError`, naming `what`, if every pixel is ignored.
        """
        matrix = summed(self._matrix).cpu().numpy()
        if not matrix.sum():
            raise DataError(f"{what}: every pixel is ignored, so there is nothing to measure")
        return Scores(matrix, float(summed(self._loss)) / int(matrix.sum()))


def safe_names(class_names: Sequence[str]) -> list[str]:
    """Class names for use in metric names: letters, digits, `_` and `-`; all different."""
    plain = [re.sub(r"[^\w-]+", "_", name, flags=re.ASCII).strip("_") for name in class_names]
    # The names that need no number come first: a number must not make one of them again.
    taken = {name for name in plain if name and plain.count(name) == 1}
    return [name if name in taken else _numbered(name or "class", index, taken)
            for index, name in enumerate(plain)]  # fmt: skip


def _numbered(name: str, number: int, taken: set[str]) -> str:
    """Return a name with a number that is not taken yet, and take it."""
    numbered = f"{name}_{number}"
    while numbered in taken:
        numbered += f"_{number}"
    taken.add(numbered)
    return numbered
