"""The losses of a segmentation: means over pixels, and four losses between 0 and 1.

All take logits BxCxHxW in single precision and a mask BxHxW (int64, 255 = ignored). If every pixel
is ignored the loss is 0 with gradients of 0. Classes that are not in the mask have no influence.
Only operations are used that CUDA computes deterministically, so that a training can be repeated
bit for bit; several detours below have this reason alone.
"""

from collections.abc import Callable
from functools import partial, reduce

import torch
from torch import Tensor
from torch.nn import functional as F

from segformer.data.class_counts import Counts, balanced_weights
from segformer.data.labels import IGNORED
from segformer.spec.sections.loss import TrainSegment
from segformer.training.pixel_losses import cross_entropy, focal_loss, hard_pixel_loss

Loss = Callable[[Tensor, Tensor], Tensor]
_Term = Callable[[Tensor, Tensor, Tensor], Tensor]

_TINY = 1e-12
_MOST_PIXELS = 1 << 16
_BOUNDARY_RADIUS = 1
"""A pixel this near to another class is on the boundary: a window of 3, as in the paper."""
_NEAR_RADIUS = 2
"""Boundaries this near to each other match: a window of 5, as in the paper."""


def build_loss(settings: TrainSegment, *, num_classes: int, counts: Counts | None = None) -> Loss:
    """The loss of a spec: one term, or two of which the second has the weight `iou_weight`.

    `counts` are the pixels of the classes by image, for weights that balance the classes.
    """
    weight = _class_weights(settings, num_classes, counts)
    first_name, _, second_name = settings.loss.partition("_")
    first = _pixel_terms(settings).get(first_name) or _REGION_TERMS[first_name]
    if not second_name:
        return lambda logits, mask: first(logits, mask, weight.to(logits.device))
    second, share = _REGION_TERMS[second_name], settings.iou_weight

    def loss(logits: Tensor, mask: Tensor) -> Tensor:
        moved = weight.to(logits.device)
        return (1 - share) * first(logits, mask, moved) + share * second(logits, mask, moved)

    return loss


def _class_weights(settings: TrainSegment, num_classes: int, counts: Counts | None) -> Tensor:
    if settings.class_balance != "none":
        if counts is None:
            raise ValueError("class_balance needs the counts of the classes")
        return torch.tensor(balanced_weights(counts, settings.class_balance))
    return torch.tensor(settings.weights or [1.0] * num_classes)


def _pixel_terms(settings: TrainSegment) -> dict[str, _Term]:
    smoothing = settings.label_smoothing
    return {
        "ce": partial(cross_entropy, smoothing=smoothing),
        "focal": partial(focal_loss, gamma=settings.focal_gamma, smoothing=smoothing),
        "ohem": partial(
            hard_pixel_loss,
            threshold=settings.ohem_threshold,
            kept_share=settings.ohem_kept_share,
            smoothing=smoothing,
        ),
    }


def dice_loss(logits: Tensor, mask: Tensor, weights: Tensor) -> Tensor:
    """One minus the mean soft Dice of the classes in the mask (Milletari et al. 2016, V-Net).

    The soft Dice of a class is 2 sum(p y) / sum(p + y), over the pixels of the whole batch.
    """
    probabilities, truth = _counted(logits, mask)
    sizes = probabilities.sum(0) + truth.sum(0)
    dice = 2 * (probabilities * truth).sum(0) / sizes.clamp(min=_TINY)
    return _mean(1 - dice, weights * (truth.sum(0) > 0))


def min_mean_iou_loss(logits: Tensor, mask: Tensor, weights: Tensor) -> Tensor:
    """One minus the average of the mean and the lowest soft IoU of the classes in the mask.

    The lowest IoU is added so that a class which the mean could neglect still has a gradient. The
    soft IoU of a class is sum(p y) / sum(p + y - p y), with the predicted probability p and
    the truth y of a pixel (Rahman & Wang 2016, https://doi.org/10.1007/978-3-319-50835-1_22).
    """
    probabilities, truth = _counted(logits, mask)
    together = (probabilities * truth).sum(0)
    iou = together / (probabilities.sum(0) + truth.sum(0) - together).clamp(min=_TINY)
    present = (truth.sum(0) > 0) & (weights > 0)
    # 1 is the highest IoU, so an absent class is never the lowest.
    lowest = iou.masked_fill(~present, 1.0).min()
    loss: Tensor = 1 - (_mean(iou, weights * present) + lowest) / 2
    return loss * present.any()


def lovasz_softmax(logits: Tensor, mask: Tensor, weights: Tensor) -> Tensor:
    """Lovasz extension of the Jaccard loss (Berman et al. 2018, https://arxiv.org/abs/1705.08790).

    Computed over the pixels of the whole batch and averaged over the classes in the mask. The
    Jaccard loss is defined on sets of wrong pixels; its Lovasz extension makes it continuous. With
    the pixels in descending order of error it is the sum of error times slope, where the slope of a
    pixel is the increase of the Jaccard loss if that pixel too is counted as wrong.

    Of more than `_MOST_PIXELS` every n-th counts: sorting takes longer than a small network's step.
    """
    counted = int((mask != IGNORED).sum())
    probabilities, truth = _counted(logits, mask, every=-(-counted // _MOST_PIXELS) or 1)
    # Classes are rows: sorting along memory is faster.
    truth = truth.T.contiguous()
    errors = (truth - probabilities.T).abs()
    with torch.no_grad():
        order = errors.argsort(1, descending=True)
        slopes = torch.empty_like(errors).scatter_(1, order, _jaccard_slopes(truth, order))
    present = truth.sum(1) > 0
    return _mean((errors * slopes).sum(1), weights * present)


def boundary_loss(logits: Tensor, mask: Tensor, weights: Tensor) -> Tensor:
    """One minus the soft F1 of the boundaries (Bokhovkin & Burnaev 2019, arXiv:1905.07852).

    A predicted boundary is correct within 2 pixels of a true one. Pixels from which an ignored
    pixel is within reach are left out, since the true boundary there is unknown.
    """
    counted = (mask != IGNORED)[:, None]
    probabilities = logits.softmax(1)
    classes = torch.arange(logits.shape[1], device=mask.device)[None, :, None, None]
    truth = (mask[:, None] == classes).to(logits.dtype)
    reach = _BOUNDARY_RADIUS + _NEAR_RADIUS
    valid = 1 - _dilated((~counted).to(logits.dtype), reach)
    predicted, true = _boundary(probabilities), _boundary(truth)
    precision = _share(predicted * _dilated(true, _NEAR_RADIUS), predicted, valid)
    recall = _share(true * _dilated(predicted, _NEAR_RADIUS), true, valid)
    f1 = 2 * precision * recall / (precision + recall).clamp(min=_TINY)
    present = (true * valid).sum((0, 2, 3)) > 0
    return _mean(1 - f1, weights * present)


_REGION_TERMS: dict[str, _Term] = {
    "dice": dice_loss,
    "lovasz": lovasz_softmax,
    "mmiou": min_mean_iou_loss,
    "boundary": boundary_loss,
}


def _counted(logits: Tensor, mask: Tensor, *, every: int = 1) -> tuple[Tensor, Tensor]:
    """Probabilities and truth (0 or 1) of every n-th pixel that is not ignored: both PxC."""
    counted = mask != IGNORED
    rows = logits.movedim(1, -1)[counted][::every]
    classes = torch.arange(rows.shape[1], device=mask.device)
    return rows.softmax(1), (mask[counted][::every, None] == classes).to(rows.dtype)


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean; 0 if all weights are 0."""
    return (values * weights).sum() / weights.sum().clamp(min=_TINY)


def _jaccard_slopes(truth: Tensor, order: Tensor) -> Tensor:
    """The increase of each class's Jaccard loss with each further wrong pixel of the order: CxP."""
    # Integers, because CUDA has no deterministic cumulative sum of floats.
    missed = truth.gather(1, order).long().cumsum(1)
    # With the first k pixels wrong, those of the class are missed, the others falsely predicted:
    # intersection = total - missed, union = total + extra.
    extra = torch.arange(1, missed.shape[1] + 1, device=missed.device) - missed
    total = missed[:, -1:]
    jaccard = 1 - (total - missed) / (total + extra).clamp(min=1)
    return jaccard.diff(dim=1, prepend=jaccard.new_zeros(len(jaccard), 1)).to(truth.dtype)


def _boundary(shares: Tensor) -> Tensor:
    """The share of each pixel that is on the inner rim of its class: BxCxHxW, as the argument."""
    # A pixel of the class is on the rim if a neighbour is outside; the subtraction drops the
    # pixels that are outside themselves.
    outside = 1 - shares
    return _dilated(outside, _BOUNDARY_RADIUS) - outside


def _dilated(values: Tensor, radius: int) -> Tensor:
    """The largest value in the square window around each pixel; values are not negative."""
    # By shifted copies, because the gradient of max pooling is not deterministic on CUDA. Rows and
    # columns one after the other: 2 x 5 shifts instead of 25.
    for dim, padding in ((2, (0, 0, radius, radius)), (3, (radius, radius))):
        size = values.shape[dim]
        padded = F.pad(values, padding)
        shifted = [padded.narrow(dim, start, size) for start in range(2 * radius + 1)]
        values = reduce(torch.maximum, shifted)
    return values


def _share(part: Tensor, whole: Tensor, valid: Tensor) -> Tensor:
    """Per class, part divided by whole over the valid pixels."""
    return (part * valid).sum((0, 2, 3)) / (whole * valid).sum((0, 2, 3)).clamp(min=_TINY)
