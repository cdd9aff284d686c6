"""The losses of a segmentation, each between 0 and 1 but for the cross-entropy.

All take logits BxCxHxW in single precision and a mask BxHxW (int64, 255 = does not count), and
give a number that is 0, with gradients of 0, when no pixel counts. Classes that are not in the mask
have no part in them. Only operations that CUDA repeats bit for bit are used.
"""

from collections.abc import Callable
from functools import reduce

import torch
from torch import Tensor
from torch.nn import functional as F

from segformer.data.labels import IGNORED
from segformer.parallel.collective import count, summed
from segformer.spec.sections.train import TrainSegment

Loss = Callable[[Tensor, Tensor], Tensor]
_Term = Callable[[Tensor, Tensor, Tensor], Tensor]

_TINY = 1e-12
_BOUNDARY_RADIUS = 1
"""Pixels from a boundary that belong to it: a window of 3, as in the paper."""
_NEAR_RADIUS = 2
"""Pixels between two boundaries that still match: a window of 5, as in the paper."""


def build_loss(settings: TrainSegment, *, num_classes: int) -> Loss:
    """The loss of a spec: one term, or cross-entropy and a second term of weight `iou_weight`."""
    weights = torch.tensor(settings.weights or [1.0] * num_classes)
    name, share = settings.loss, settings.iou_weight
    if name in ("ce", "mmiou"):
        term = cross_entropy if name == "ce" else min_mean_iou_loss
        return lambda logits, mask: term(logits, mask, weights.to(logits.device))
    second = _SECOND_TERMS[name]

    def loss(logits: Tensor, mask: Tensor) -> Tensor:
        own = weights.to(logits.device)
        return (1 - share) * cross_entropy(logits, mask, own) + share * second(logits, mask, own)

    return loss


def cross_entropy(logits: Tensor, mask: Tensor, weights: Tensor) -> Tensor:
    """Mean cross-entropy of the pixels, each weighing as its class does.

    Of several processes, what makes their mean that over the pixels of all of them.
    """
    # One row per pixel: CUDA has a deterministic kernel for this form, none for images.
    rows = logits.movedim(1, -1).flatten(0, -2)
    total = F.cross_entropy(
        rows, mask.flatten(), weight=weights, ignore_index=IGNORED, reduction="sum"
    )
    counted = mask != IGNORED
    weight = summed((weights[mask.where(counted, 0)] * counted).sum()) / count()
    return total / weight.clamp(min=_TINY)


def min_mean_iou_loss(logits: Tensor, mask: Tensor, weights: Tensor) -> Tensor:
    """One minus the mean of the mean and the lowest soft IoU of the classes in the mask.

    The soft IoU of a class is sum(p y) / sum(p + y - p y), with the predicted probability p and
    the truth y of a pixel (Rahman & Wang 2016, https://doi.org/10.1007/978-3-319-50835-1_22).
    """
    probabilities, truth = _counted(logits, mask)
    together = (probabilities * truth).sum(0)
    iou = together / (probabilities.sum(0) + truth.sum(0) - together).clamp(min=_TINY)
    present = (truth.sum(0) > 0) & (weights > 0)
    lowest = iou.masked_fill(~present, 1.0).min()
    loss: Tensor = 1 - (_mean(iou, weights * present) + lowest) / 2
    return loss * present.any()


def lovasz_softmax(logits: Tensor, mask: Tensor, weights: Tensor) -> Tensor:
    """Lovasz extension of the Jaccard loss (Berman et al. 2018, https://arxiv.org/abs/1705.08790).

    Over the pixels of the whole batch, averaged over the classes in the mask.
    """
    probabilities, truth = _counted(logits, mask)
    errors = (truth - probabilities).abs()
    with torch.no_grad():
        order = errors.argsort(0, descending=True)
        slopes = torch.empty_like(errors).scatter_(0, order, _jaccard_slopes(truth, order))
    present = truth.sum(0) > 0
    return _mean((errors * slopes).sum(0), weights * present)


def boundary_loss(logits: Tensor, mask: Tensor, weights: Tensor) -> Tensor:
    """One minus the soft F1 of the boundaries (Bokhovkin & Burnaev 2019, arXiv:1905.07852).

    A predicted boundary is right within 2 pixels of a true one. Pixels from which one that does
    not count can be reached by that are left out: where its boundary is, is not known.
    """
    counted = (mask != IGNORED)[:, None]
    probabilities = logits.softmax(1)
    classes = torch.arange(logits.shape[1], device=mask.device)[None, :, None, None]
    truth = (mask[:, None] == classes).to(logits.dtype)
    reach = _BOUNDARY_RADIUS + _NEAR_RADIUS
    known = 1 - _dilated((~counted).to(logits.dtype), reach)
    ours, theirs = _boundary(probabilities), _boundary(truth)
    precision = _share(ours * _dilated(theirs, _NEAR_RADIUS), ours, known)
    recall = _share(theirs * _dilated(ours, _NEAR_RADIUS), theirs, known)
    f1 = 2 * precision * recall / (precision + recall).clamp(min=_TINY)
    present = (theirs * known).sum((0, 2, 3)) > 0
    return _mean(1 - f1, weights * present)


_SECOND_TERMS: dict[str, _Term] = {
    "ce_lovasz": lovasz_softmax,
    "ce_mmiou": min_mean_iou_loss,
    "ce_boundary": boundary_loss,
}


def _counted(logits: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities and truth (0 or 1) of the pixels that count: both PxC."""
    counted = mask != IGNORED
    rows = logits.movedim(1, -1)[counted]
    classes = torch.arange(rows.shape[1], device=mask.device)
    return rows.softmax(1), (mask[counted][:, None] == classes).to(rows.dtype)


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean; 0 where all weights are 0."""
    return (values * weights).sum() / weights.sum().clamp(min=_TINY)


def _jaccard_slopes(truth: Tensor, order: Tensor) -> Tensor:
    """How much the Jaccard loss of each class grows with each pixel taken in this order: PxC."""
    # Sums of integers: CUDA has no deterministic kernel for those of floats.
    right = truth.gather(0, order).long()
    missed, extra = right.cumsum(0), (1 - right).cumsum(0)
    total = right.sum(0)
    jaccard = 1 - (total - missed) / (total + extra).clamp(min=1)
    return jaccard.diff(dim=0, prepend=jaccard.new_zeros(1, jaccard.shape[1])).to(truth.dtype)


def _boundary(shares: Tensor) -> Tensor:
    """How much of each pixel is the rim of its class: BxCxHxW, as the argument."""
    outside = 1 - shares
    return _dilated(outside, _BOUNDARY_RADIUS) - outside


def _dilated(values: Tensor, radius: int) -> Tensor:
    """The largest of the values, none negative, in the square window about each pixel."""
    # By shifts: the gradient of a pooling is not deterministic on CUDA.
    for dim, padding in ((2, (0, 0, radius, radius)), (3, (radius, radius))):
        size = values.shape[dim]
        padded = F.pad(values, padding)
        shifted = [padded.narrow(dim, start, size) for start in range(2 * radius + 1)]
        values = reduce(torch.maximum, shifted)
    return values


def _share(part: Tensor, whole: Tensor, known: Tensor) -> Tensor:
    """Per class, the part of the whole over the pixels that are known."""
    return (part * known).sum((0, 2, 3)) / (whole * known).sum((0, 2, 3)).clamp(min=_TINY)
