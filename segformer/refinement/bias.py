"""Tunes one number for each class on validation images, and adds it to the classifier's bias."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from segformer.data.dataset import SegmentationDataset
from segformer.data.labels import IGNORED
from segformer.errors import SpecError
from segformer.model.segformer import SegFormer
from segformer.spec.sections.dataset import DatasetSegment

STEPS = (-0.25, 0.25, -0.5, 0.5, -1.0, 1.0)
"""Changes of a bias, the least first: of equally good ones the first is taken."""
PASSES = 2
MOST_PIXELS = 1_000_000
"""Pixels of the logits' size that the biases are tuned on, at most."""


@torch.inference_mode()
def tuned_bias(network: SegFormer, segment: DatasetSegment) -> Tensor:
    """Return a bias for each class (C) that raises the mean IoU of every second validation image.

    Coordinate ascent from 0: each class in turn takes the best of `STEPS`, if one is better. Raises
    `SpecError` for a model that cuts these images into windows.
    """
    logits, truth = _pixels(network, segment)
    bias = torch.zeros(logits.shape[1])
    best = _mean_iou(logits, truth)
    for _ in range(PASSES):
        for index in range(len(bias)):
            for step in STEPS:
                trial = bias.clone()
                trial[index] += step
                if (value := _mean_iou(logits + trial, truth)) > best:
                    best, chosen = value, trial
                    bias = chosen
    return bias - bias.mean()


def _pixels(network: SegFormer, segment: DatasetSegment) -> tuple[Tensor, Tensor]:
    """Return logits NxC and truth N of the pixels of every second image that count."""
    parts = list(_parts(network.eval(), segment))
    logits, truth = (torch.cat(part) for part in zip(*parts, strict=True))
    if len(truth) <= MOST_PIXELS:
        return logits, truth
    chosen = torch.from_numpy(np.linspace(0, len(truth) - 1, MOST_PIXELS).astype(np.int64))
    return logits[chosen], truth[chosen]


def _parts(network: SegFormer, segment: DatasetSegment) -> Iterator[tuple[Tensor, Tensor]]:
    data = SegmentationDataset(segment, split="validation")
    for index in range(0, len(data), 2):
        item = data[index]
        if "image" not in item:
            raise SpecError("the model predicts by windows, for which no bias is tuned")
        logits = network(item["image"][None])[0]
        rows, columns = (
            ((torch.arange(size) + 0.5) * full / size).long()
            for size, full in zip(logits.shape[1:], item["mask"].shape, strict=True)
        )
        truth = item["mask"][rows][:, columns].flatten()
        counted = truth != IGNORED
        yield logits.flatten(1).T[counted], truth[counted]


def _mean_iou(logits: Tensor, truth: Tensor) -> float:
    count = logits.shape[1]
    pairs = torch.bincount(truth * count + logits.argmax(1), minlength=count**2)
    matrix = pairs.reshape(count, count)
    right, union = matrix.diag(), matrix.sum(0) + matrix.sum(1) - matrix.diag()
    return float((right[union > 0] / union[union > 0]).mean())
