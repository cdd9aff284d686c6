"""How many pixels of each class the training images have, and the class weights that follow."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from segformer.data.labels import IGNORED, labels_of
from segformer.data.pairs import Pair
from segformer.data.source import source_of
from segformer.spec.sections.dataset import DatasetSegment

Counts = NDArray[np.int64]
"""Pixels by image and class: NxC."""


def class_counts(segment: DatasetSegment) -> Counts:
    """Count the pixels of the training masks; raises `DataError` for a mask that cannot be used."""
    pairs = source_of(segment).pairs(segment.train_split)
    return np.stack([_of_mask(pair, segment) for pair in pairs])


def class_shares(counts: Counts) -> NDArray[np.float64]:
    """Return the share of each class in all pixels that count."""
    totals = counts.sum(0)
    shares: NDArray[np.float64] = totals / max(1, totals.sum())
    return shares


def balanced_weights(counts: Counts, kind: str) -> list[float]:
    """Return weights of mean 1 that are higher for rarer classes; 1 for a class without a pixel.

    With the share f of a class: sqrt, 1 / sqrt(f); enet, 1 / ln(1.02 + f) (Paszke et al. 2016,
    arXiv:1606.02147).
    """
    shares = class_shares(counts)
    present = shares > 0
    f = shares[present]
    weights = 1 / np.sqrt(f) if kind == "sqrt" else 1 / np.log(1.02 + f)
    balanced = np.ones(len(shares))
    balanced[present] = weights / max(weights.mean(), 1e-12) if len(f) else 1.0
    values: Sequence[float] = balanced.tolist()
    return list(values)


def _of_mask(pair: Pair, segment: DatasetSegment) -> Counts:
    ids = labels_of(pair.read_mask(), segment, where=pair.mask).ids
    return np.bincount(ids[ids != IGNORED], minlength=segment.num_classes)
