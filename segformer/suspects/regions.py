"""Where a mask and a confident prediction disagree, region by region, and why."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_opening, find_objects, label

from segformer.data.labels import IGNORED

Ids = NDArray[np.uint8]
Floats = NDArray[np.float32]

SWAPPED, SHIFTED = "class swapped", "border shifted"
MISSING, INVENTED = "region missing", "region invented"

_LEAST_EVIDENCE = 1.5
"""The logarithm of the prediction's probability over the label's, from which they disagree."""
_MOST_EVIDENCE = 6.0
"""A model that is trained for a short time is not surer than that, whatever it says."""
_BORDER = 0.04
"""Share of the shorter side: narrower disagreement is a border drawn a little off."""
_MOST = 0.5
"""Share of an object that is in a region, from which the object as a whole is in doubt."""
_LEAST_SHARE = 0.0005
"""Of the image's pixels: smaller regions are left out."""


@dataclass(frozen=True)
class Region:
    """Connected pixels on which a mask and the prediction disagree."""

    reason: str
    labelled: int
    """The class id that most of its pixels have in the mask."""
    predicted: int
    evidence: float
    """The mean logarithm of the prediction's probability over the label's."""
    confidence: float
    """The mean of the prediction's probability less that of the label, 0 to 1."""
    pixels: int
    box: tuple[int, int, int, int]
    """Left, top, width and height."""

    @property
    def weight(self) -> float:
        """Its area times its squared evidence: sure pixels count for more than many."""
        return self.pixels * self.evidence**2

    def to_dict(self, names: list[str]) -> dict[str, Any]:
        """Return the region as JSON values."""
        left, top, width, height = self.box
        return {
            "reason": self.reason, "labelled": names[self.labelled],
            "predicted": names[self.predicted], "confidence": round(self.confidence, 4),
            "pixels": self.pixels, "left": left, "top": top, "width": width, "height": height,
        }  # fmt: skip


def regions(probabilities: Floats, ids: Ids) -> list[Region]:
    """Return the regions of a mask HxW in doubt, those of most weight first.

    `probabilities` CxHxW are of a model that has not trained on the mask. Borders that are a little
    off, as in every mask, make no region.
    """
    predicted = probabilities.argmax(axis=0).astype(np.uint8)
    evidence, gap = _evidence(probabilities, ids)
    side = max(3, round(_BORDER * min(ids.shape)) | 1)
    numbers, _ = label(binary_opening(evidence >= _LEAST_EVIDENCE, np.ones((side, side))))
    least = max(4, _LEAST_SHARE * ids.size)
    result = []
    for number, window in enumerate(find_objects(numbers), start=1):
        inside = numbers[window] == number
        if inside.sum() >= least:
            means = float(evidence[window][inside].mean()), float(gap[window][inside].mean())
            result.append(_region(inside, window, ids, predicted, means))
    return sorted(result, key=lambda region: -region.weight)


def confusions(probabilities: Floats, ids: Ids) -> NDArray[np.int64]:
    """Return how many pixels of each predicted class have each label: CxC."""
    count = len(probabilities)
    predicted, counted = probabilities.argmax(axis=0), ids != IGNORED
    pairs = predicted[counted] * count + ids[counted]
    return np.bincount(pairs, minlength=count**2).reshape(count, count)


def _evidence(probabilities: Floats, ids: Ids) -> tuple[Floats, Floats]:
    """Return how much more probable the prediction is than the label: log ratio, and difference.

    Both are 0 where the label is ignored.
    """
    counted = ids != IGNORED
    own = np.take_along_axis(probabilities, np.where(counted, ids, 0)[None].astype(int), axis=0)[0]
    best = probabilities.max(axis=0)
    ratio = np.log(best.clip(1e-6)) - np.log(own.clip(1e-6))
    evidence = np.where(counted, ratio.clip(max=_MOST_EVIDENCE), 0).astype(np.float32)
    return evidence, np.where(counted, best - own, 0).astype(np.float32)


def _region(
    inside: NDArray[np.bool_],
    window: tuple[slice, slice],
    ids: Ids,
    predicted: Ids,
    means: tuple[float, float],
) -> Region:
    labelled = int(np.bincount(ids[window][inside]).argmax())
    guess = int(np.bincount(predicted[window][inside]).argmax())
    rows, columns = window
    whole = np.zeros(ids.shape, dtype=bool)
    whole[window] = inside
    return Region(
        _reason(_share(whole, ids == labelled), _share(whole, predicted == guess)),
        labelled,
        guess,
        *means,
        int(inside.sum()),
        (columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start),
    )


def _share(region: NDArray[np.bool_], of_class: NDArray[np.bool_]) -> float:
    """Return the share that a region has of the objects of a class that it touches."""
    numbers, _ = label(of_class)
    touched = np.unique(numbers[region & of_class])
    objects = np.isin(numbers, touched[touched > 0])
    return float((region & objects).sum() / max(1, objects.sum()))


def _reason(of_labelled: float, of_predicted: float) -> str:
    """Return what is wrong, by the shares of the labelled and of the predicted object in doubt.

    An object of which most is in doubt is there in one of the two alone.
    """
    if of_labelled >= _MOST:
        return SWAPPED if of_predicted >= _MOST else INVENTED
    return MISSING if of_predicted >= _MOST else SHIFTED
