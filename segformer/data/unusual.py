"""Class by class the typical image and the strangest one, and what is strange about it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segformer.data.labels import IGNORED
from segformer.data.scan import ScannedPair

_LEAST_IMAGES = 3
_SPREAD = 1.4826
"""The median distance from the median, times this, is a normal distribution's deviation."""
_LEAST_SPREAD = (0.1, 4.0, 4.0, 4.0)
"""Of the features of `_features`: smaller differences are seen by nobody."""
_WORDS = (
    ("smaller", "larger"),
    ("darker", "lighter"),
    ("bluer", "redder"),
    ("less green", "greener"),
)


@dataclass(frozen=True)
class Unusual:
    """A class, the image that is most like the others that show it, and the least like them."""

    label_id: int
    typical: ScannedPair
    strangest: ScannedPair | None
    """None if too few images show the class to say."""
    reason: str = ""
    """What is strange, as "larger than in other images (6.1 deviations)"."""


def unusual(pairs: Sequence[ScannedPair], label_id: int) -> Unusual | None:
    """Return the typical and the strangest image of a class; None if no image shows it.

    An image is compared by the class's share of it and the class's mean colour there, each as a
    distance from the median over its robust deviation.
    """
    showing = [pair for pair in pairs if label_id in pair.colours]
    if not showing:
        return None
    features = np.array([_features(pair, label_id) for pair in showing])
    middle = np.median(features, axis=0)
    spread = _SPREAD * np.median(np.abs(features - middle), axis=0)
    distances = (features - middle) / np.maximum(spread, _LEAST_SPREAD)
    typical = showing[int(np.linalg.norm(distances, axis=1).argmin())]
    if len(showing) < _LEAST_IMAGES:
        return Unusual(label_id, typical, None)
    row = int(np.abs(distances).max(axis=1).argmax())
    feature = int(np.abs(distances[row]).argmax())
    distance = float(distances[row, feature])
    word = _WORDS[feature][int(distance > 0)]
    reason = f"{word} than in other images ({abs(distance):.1f} deviations)"
    return Unusual(label_id, typical, showing[row], reason)


def _features(pair: ScannedPair, label_id: int) -> NDArray[np.float64]:
    """Return the logarithm of the class's share, lightness, red less blue, and greenness."""
    red, green, blue = pair.colours[label_id]
    share = pair.pixels[label_id] / max(1, int(pair.pixels[:IGNORED].sum()))
    lightness = 0.299 * red + 0.587 * green + 0.114 * blue
    return np.array([np.log(share), lightness, red - blue, green - (red + blue) / 2])
