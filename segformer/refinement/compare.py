"""Compares two models on a split: mean IoU, and an interval of the difference over images."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from segformer.data.dataset import SegmentationDataset, collated
from segformer.evaluation.metrics import Tally, confusion_matrix
from segformer.evaluation.predictor import TorchPredictor
from segformer.evaluation.scoring import scored
from segformer.evaluation.segmenter import segmenter_of
from segformer.model.saved import SavedModel
from segformer.spec.sections.dataset import DatasetSegment

RESAMPLES = 1000
LOW, HIGH = 5.0, 95.0
"""Percentiles that bound the difference."""
Counts = NDArray[np.int64]
"""By image, kind (right, true, predicted) and class: Nx3xC pixels."""


@dataclass(frozen=True)
class Comparison:
    """Mean IoU of two models on a split, and the bounds of the difference."""

    before: float
    after: float
    low: float
    high: float


@torch.inference_mode()
def counts_of(
    model: SavedModel, segment: DatasetSegment, split: Literal["validation", "test"]
) -> Counts:
    """Return the pixel counts of each image of a split, as `evaluate` predicts them."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    predictor = TorchPredictor(model, device)
    own = model.record.applied_to(segment)
    segmenter = segmenter_of(predictor, own, batch_size=8)
    tally = Tally(own.num_classes, align_corners=segmenter.align_corners)
    data = SegmentationDataset(own, split=split)
    rows = []
    for index in range(len(data)):
        item = data[index]
        (prediction,) = scored(segmenter, tally, collated([item]))
        truth = item["mask"].to(prediction.device)
        matrix = confusion_matrix(prediction.long(), truth, num_classes=own.num_classes)
        rows.append(torch.stack([matrix.diag(), matrix.sum(1), matrix.sum(0)]).cpu().numpy())
    return np.stack(rows)


def mean_iou(counts: Counts) -> float:
    """Return the mean IoU over the classes that occur in truth or prediction."""
    right, true, predicted = counts.sum(0)
    union = true + predicted - right
    return float((right[union > 0] / union[union > 0]).mean())


def compared(old: Counts, new: Counts, *, seed: int = 0, every_other: bool = False) -> Comparison:
    """Return the comparison of two models; the bounds are of a paired bootstrap over images.

    With `every_other` the bounds are of every second image, of those that `class_bias` left out.
    """
    rng, part = np.random.default_rng(seed), slice(1, None, 2) if every_other else slice(None)
    first, second = old[part], new[part]
    if not len(first):
        return Comparison(mean_iou(old), mean_iou(new), -np.inf, np.inf)
    picks = rng.integers(len(first), size=(RESAMPLES, len(first)))
    gains = [mean_iou(second[pick]) - mean_iou(first[pick]) for pick in picks]
    low, high = np.percentile(gains, [LOW, HIGH])
    return Comparison(mean_iou(old), mean_iou(new), float(low), float(high))
