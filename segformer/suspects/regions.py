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

_LEAST_GAP = 0.3
"""The prediction's probability less that of the label, from which they disagree for sure."""
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
    mass: float
    """The sum over its pixels of the prediction's probability less that of the label."""
    pixels: int
    box: tuple[int, int, int, int]
    """Left, top, width and height."""

    @property
    def confidence(self) -> float:
        """The mean of the prediction's probability less that of the label, 0 to 1."""
        return self.mass / self.pixels

    def to_dict(self, names: list[str]) -> dict[str, Any]:
        """Return the region as JSON values."""
        left, top, width, height = self.box
        return {
            "reason": self.reason, "labelled": names[self.labelled],
            "predicted": names[self.predicted], "confidence": round(self.confidence, 4),
            "pixels": self.pixels, "left": left, "top": top, "width": width, "height": height,
        }  # fmt: skip


def regions(probabilities: Floats, ids: Ids) -> list[Region]:
    """Return the regions of a mask HxW in doubt, those of most mass first.

    `probabilities` CxHxW are of a model that has not trained on the mask. Borders that are off by a
    pixel or two, as in every mask, make no region.
    """
    predicted = probabilities.argmax(axis=0).astype(np.uint8)
    gap = _gap(probabilities, ids)
    numbers, _ = label(binary_opening(gap >= _LEAST_GAP, np.ones((3, 3))))
    least = max(4, _LEAST_SHARE * ids.size)
    result = []
    for number, window in enumerate(find_objects(numbers), start=1):
        inside = numbers[window] == number
        if inside.sum() >= least:
            result.append(_region(inside, window, ids, predicted, gap))
    return sorted(result, key=lambda region: -region.mass)


def _gap(probabilities: Floats, ids: Ids) -> Floats:
    """Return how much more probable the prediction is than the label, 0 where it is ignored."""
    counted = ids != IGNORED
    own = np.take_along_axis(probabilities, np.where(counted, ids, 0)[None].astype(int), axis=0)[0]
    gap: Floats = np.where(counted, probabilities.max(axis=0) - own, 0.0)
    return gap


def _region(
    inside: NDArray[np.bool_],
    window: tuple[slice, slice],
    ids: Ids,
    predicted: Ids,
    gap: Floats,
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
        float(gap[window][inside].sum()),
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
