"""Losses that are a mean over pixels: cross-entropy, and two that look at the hard pixels.

For the form of logits, mask and weights see `segformer.training.losses`. Of several processes each
returns the value whose mean over the processes is the mean over the pixels of all of them: DDP
averages gradients by process, however many pixels each has.
"""

import math
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from segformer.data.labels import IGNORED
from segformer.parallel.collective import count, summed

_TINY = 1e-12


def cross_entropy(
    logits: Tensor, mask: Tensor, weights: Tensor, *, smoothing: float = 0.0
) -> Tensor:
    """Mean cross-entropy of the pixels, weighted by class.

    With `smoothing` e the target is 1 - e for the true class, and e spread over all classes.
    """
    rows, targets = _rows(logits, mask)
    total = F.cross_entropy(
        rows,
        targets,
        weight=weights,
        ignore_index=IGNORED,
        reduction="sum",
        label_smoothing=smoothing,
    )
    return _over_all(total, mask != IGNORED, mask, weights)


def focal_loss(
    logits: Tensor, mask: Tensor, weights: Tensor, *, gamma: float, smoothing: float = 0.0
) -> Tensor:
    """Cross-entropy times (1 - p)^gamma, p of the true class (Lin et al. 2017, arXiv:1708.02002).

    Pixels that are right already count less.
    """
    losses, plain = _each(logits, mask, weights, smoothing)
    # 1 - p; the bound keeps the slope of a power below 1 finite.
    wrong = (-torch.expm1(-plain)).clamp(min=_TINY)
    return _over_all((wrong**gamma * losses).sum(), mask != IGNORED, mask, weights)


def hard_pixel_loss(
    logits: Tensor,
    mask: Tensor,
    weights: Tensor,
    *,
    threshold: float,
    kept_share: float,
    smoothing: float = 0.0,
) -> Tensor:
    """Mean cross-entropy of the hard pixels (OHEM: Shrivastava et al. 2016, arXiv:1604.03540).

    Hard are those whose true class has a probability below `threshold`, and in any case the
    `kept_share` of the pixels that are worst. Each process chooses among its own.
    """
    losses, plain = _each(logits, mask, weights, smoothing)
    with torch.no_grad():
        counted = (mask != IGNORED) & (weights[mask.where(mask != IGNORED, 0)] > 0)
        counted = counted.flatten()
        worst = plain[counted].sort(descending=True).values
        limit = -math.log(max(threshold, _TINY))
        if kept := math.ceil(kept_share * len(worst)):
            limit = min(limit, float(worst[kept - 1]))
        is_hard = counted & (plain >= limit)
    return _over_all((losses * is_hard).sum(), is_hard.view_as(mask), mask, weights)


def _rows(logits: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """One row per pixel: CUDA has a deterministic kernel for rows, but none for images."""
    return logits.movedim(1, -1).flatten(0, -2), mask.flatten()


def _each(logits: Tensor, mask: Tensor, weights: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
    """The weighted loss of each pixel, and its plain cross-entropy; 0 where it is ignored."""
    rows, targets = _rows(logits, mask)
    of_each = partial(F.cross_entropy, rows, targets, ignore_index=IGNORED, reduction="none")
    return of_each(weight=weights, label_smoothing=smoothing), of_each()


def _over_all(total: Tensor, counted: Tensor, mask: Tensor, weights: Tensor) -> Tensor:
    """A sum of losses over the weight of the pixels that count in all processes."""
    own = (weights[mask.where(mask != IGNORED, 0)] * counted).sum()
    return total / (summed(own) / count()).clamp(min=_TINY)
