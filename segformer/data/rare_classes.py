"""Draws classes, the rare ones more often, and images that hold them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from segformer.data.class_counts import Counts, class_shares


@dataclass(frozen=True)
class RareClasses:
    """Rare class sampling (Hoyer et al. 2022, DAFormer, arXiv:2111.14887).

    A class with the share f of all pixels is drawn with a probability of exp((1 - f) / T) over the
    sum of all; then one of the images that hold it.
    """

    probabilities: NDArray[np.float64]
    """Of each class; 0 for one that no image holds."""
    images: Sequence[NDArray[np.int64]]
    """Of each class the images that hold it."""

    @classmethod
    def of(cls, counts: Counts, *, temperature: float) -> "RareClasses":
        """Return the classes of some images; a lower temperature prefers the rare ones more."""
        exponents = np.where(counts.any(0), (1 - class_shares(counts)) / temperature, -np.inf)
        if not counts.any():  # Every pixel is ignored: all images are alike.
            return cls(np.ones(1), [np.arange(len(counts))])
        powers = np.exp(exponents - exponents.max())
        return cls(powers / powers.sum(), [np.flatnonzero(column) for column in counts.T])

    def draw(self, draw: Generator) -> tuple[int, int]:
        """Return a class and an image that holds it."""
        chosen = int(draw.choice(len(self.probabilities), p=self.probabilities))
        return chosen, int(draw.choice(self.images[chosen]))
