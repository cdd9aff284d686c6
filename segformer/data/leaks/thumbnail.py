"""Images reduced to a small square of grey, and hashes of it that compare by a dot product."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segformer.data.channels import composite

Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]

SIDE = 64
"""Pixels of a thumbnail: its details tell a copy from the next frame of a film."""

ORIENTATIONS = (
    "", "mirrored", "flipped", "turned by 180°",
    "transposed", "turned by 90°", "turned by 270°", "transposed and turned by 180°",
)  # fmt: skip
"""What was done to an image by the number of its orientation; see `oriented`."""

_WINDOW = 58
"""Side of the windows that are hashed besides the whole: 90 % of each side."""
_OFFSETS = (0, 3, 6)
_FREQUENCIES = 10
_LEAST_CONTRAST = 0.1
_AT_ONCE = 512


def thumbnail(image: NDArray[np.uint8]) -> Grey:
    """Return an image HxWxC as grey, `SIDE` x `SIDE`; its proportions are lost."""
    grey = Image.fromarray(composite(image)).convert("L")
    return np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def oriented(image: Floats, orientation: int) -> Floats:
    """Return a square image transposed if bit 2 is set, flipped by bit 1, mirrored by bit 0."""
    image = image.T if orientation & 4 else image
    image = image[::-1] if orientation & 2 else image
    return image[:, ::-1] if orientation & 1 else image


def window_hashes(thumbnails: Sequence[Grey]) -> Floats:
    """Return perceptual hashes of the whole and of nine windows of each image: 10 x N x D.

    A hash holds the low frequencies of the cosine transform, each weighted by its frequency (in
    natural images all are then as strong) and scaled to length 1; an even image has zeros.
    The dot product of two hashes is a correlation.
    """
    parts = [
        _hashes(np.stack(thumbnails[start : start + _AT_ONCE]).astype(np.float32))
        for start in range(0, len(thumbnails), _AT_ONCE)
    ]
    return np.concatenate(parts, axis=1)


def oriented_hashes(hashes: Floats) -> Iterator[Floats]:
    """Yield the hashes N x D of whole images in each of the eight orientations.

    In the cosine transform a mirrored image changes the signs of the odd columns.
    """
    square = hashes.reshape(-1, _FREQUENCIES, _FREQUENCIES)
    signs = (-1) ** np.arange(_FREQUENCIES).astype(np.float32)
    for orientation in range(len(ORIENTATIONS)):
        turned = square.transpose(0, 2, 1) if orientation & 4 else square
        turned = turned * signs[:, None] if orientation & 2 else turned
        turned = turned * signs if orientation & 1 else turned
        yield turned.reshape(len(hashes), -1).astype(np.float32, copy=False)


def _hashes(pixels: Floats) -> Floats:
    bases = [_cosines(0, SIDE), *(_cosines(offset, _WINDOW) for offset in _OFFSETS)]
    windows = [(0, 0), *((y, x) for y in (1, 2, 3) for x in (1, 2, 3))]
    return np.stack([_normalised(bases[y] @ pixels @ bases[x].T) for y, x in windows])


def _cosines(offset: int, length: int) -> Floats:
    """Return the cosines over a window, `_FREQUENCIES` x `SIDE`, zero outside."""
    places = (np.arange(length) + 0.5) / length
    basis = np.zeros((_FREQUENCIES, SIDE), np.float32)
    waves = np.cos(np.pi * np.outer(np.arange(_FREQUENCIES), places))
    basis[:, offset : offset + length] = waves / length
    return basis


def _normalised(coefficients: Floats) -> Floats:
    frequency = np.arange(_FREQUENCIES, dtype=np.float32)
    weights: Floats = np.hypot(frequency[:, None], frequency)
    flat = (coefficients * weights).reshape(len(coefficients), -1)
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    result: Floats = (flat / np.maximum(lengths, _LEAST_CONTRAST)).astype(np.float32)
    return result
