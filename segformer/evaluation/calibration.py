"""Calibration: whether a model that is sure to 80 % is right in 80 % of the pixels.

The expected calibration error (Guo et al. 2017, "On Calibration of Modern Neural Networks") is the
mean difference of confidence and accuracy over bins of confidence, weighted by their pixels. One
temperature, by which the logits are divided, mends most of it and changes no class.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from segformer.data.dataset import SegmentationDataset, window_input
from segformer.data.labels import IGNORED
from segformer.data.windows import cut, windows_of
from segformer.evaluation.metrics import resize_logits
from segformer.parallel.collective import summed
from segformer.spec.sections.dataset import DatasetSegment

BINS = 15
_MOST_IMAGES = 64
_MOST_PIXELS = 4096
"""Of each image."""
_RANGE = (0.05, 20.0)
"""Of temperatures."""


class Reliability:
    """Confidence and accuracy of pixels by bins of confidence, over all batches."""

    def __init__(self, temperature: float) -> None:
        self.temperature = temperature
        self._sums = torch.zeros(3, BINS, dtype=torch.float64)

    @torch.no_grad()
    def add(self, logits: Tensor, mask: Tensor) -> None:
        """Add a batch, logits BxCxHxW and mask BxHxW."""
        confidence, prediction = (logits.float() / self.temperature).softmax(1).max(1)
        counted = mask != IGNORED
        confidence, right = confidence[counted], (prediction == mask)[counted]
        bins = (confidence * BINS).long().clamp(max=BINS - 1)
        values = (torch.ones_like(confidence), confidence, right)
        sums = [torch.bincount(bins, each.double(), minlength=BINS) for each in values]
        self._sums = self._sums.to(mask.device) + torch.stack(sums)

    def table(self) -> list[dict[str, float]]:
        """Return the bins that have pixels: their share, mean confidence and accuracy."""
        counts, confidences, right = summed(self._sums).cpu().numpy()
        return [
            {"share": count / counts.sum(), "confidence": sure / count, "accuracy": hit / count}
            for count, sure, hit in zip(counts, confidences, right, strict=True)
            if count
        ]


def calibration_error(table: list[dict[str, float]]) -> float:
    """Return the expected calibration error of a table of bins."""
    return sum(row["share"] * abs(row["confidence"] - row["accuracy"]) for row in table)


@torch.inference_mode()
def fitted_temperature(
    model: Callable[[Tensor], Tensor], segment: DatasetSegment, *, align_corners: bool
) -> float:
    """Return the temperature with the least cross-entropy on validation pixels.

    Takes some pixels of up to 64 images, evenly spread, each segmented whole at the model's size.
    """
    data = SegmentationDataset(segment, split="validation")
    places = np.linspace(0, len(data) - 1, min(len(data), _MOST_IMAGES)).astype(int)
    draw = torch.Generator().manual_seed(0)
    parts = [_pixels(model, data[int(i)], segment, draw, align_corners) for i in places]
    logits, truth = (torch.cat(part) for part in zip(*parts, strict=True))
    if not len(truth):
        return 1.0
    return _least(lambda at: float(F.cross_entropy(logits / math.exp(at), truth)))


def _pixels(
    model: Callable[[Tensor], Tensor],
    item: dict[str, Any],
    segment: DatasetSegment,
    draw: torch.Generator,
    align_corners: bool,
) -> tuple[Tensor, Tensor]:
    """Return logits NxC and classes N of some pixels that count."""
    image, mask = _whole_or_middle(item, segment)
    logits = resize_logits(
        model(image[None]), (mask.shape[0], mask.shape[1]), align_corners=align_corners
    )[0]
    flat, truth = logits.float().cpu().flatten(1).T, mask.flatten()
    counted = (truth != IGNORED).nonzero()[:, 0]
    chosen = counted[torch.randperm(len(counted), generator=draw)[:_MOST_PIXELS]]
    return flat[chosen], truth[chosen]


def _whole_or_middle(item: dict[str, Tensor], segment: DatasetSegment) -> tuple[Tensor, Tensor]:
    """Return an item's input and mask; of a picture that takes windows, those of the middle one."""
    mask = item["mask"]
    if "image" in item:
        return item["image"], mask
    picture, ids = item["picture"].numpy(), mask.numpy().astype(np.uint8)
    windows = windows_of((len(picture), picture.shape[1]), segment)
    place = windows.tops[len(windows.tops) // 2], windows.lefts[len(windows.lefts) // 2]
    part = cut(ids, place, windows.size, fill=IGNORED).astype(np.int64)
    return window_input(picture, place, windows.size, segment), torch.from_numpy(part)


def _least(loss: Callable[[float], float], *, steps: int = 40) -> float:
    """Return the temperature of the least loss, a function of its logarithm, by golden section."""
    low, high = (math.log(bound) for bound in _RANGE)
    golden = (math.sqrt(5) - 1) / 2
    inner = [high - golden * (high - low), low + golden * (high - low)]
    values = [loss(at) for at in inner]
    for _ in range(steps):
        if values[0] < values[1]:
            high, inner[1], values[1] = inner[1], inner[0], values[0]
            inner[0] = high - golden * (high - low)
            values[0] = loss(inner[0])
        else:
            low, inner[0], values[0] = inner[0], inner[1], values[1]
            inner[1] = low + golden * (high - low)
            values[1] = loss(inner[1])
    return math.exp((low + high) / 2)
