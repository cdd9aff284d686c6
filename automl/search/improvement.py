"""The expected improvement of a normal prediction, for whichever model makes it."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr


def expected_excess(
    mean: NDArray[np.float64], deviation: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the expectation of the positive part of a normal variable.

    Of `best - prediction` it is the expected improvement (Jones et al., 1998). It may be 0.
    """
    z = mean / deviation
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return np.asarray(deviation * (z * ndtr(z) + density), dtype=np.float64)
