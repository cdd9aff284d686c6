"""Images and near copies of them: turned, cropped, recompressed."""

from io import BytesIO

import numpy as np
from PIL import Image

from segformer.data.sample import sample_pair


def scene(number):
    """Return an image 128x128 that no other number looks like."""
    return sample_pair(np.random.default_rng([number, 7]))[0]


def cropped(image, share=0.9, corner=(0.7, 0.2)):
    """Return a window with a share of each side; `corner` says where, from 0 to 1."""
    height, width = (round(side * share) for side in image.shape[:2])
    y, x = (
        round(at * (side - part))
        for at, side, part in zip(corner, image.shape[:2], (height, width), strict=True)
    )
    return image[y : y + height, x : x + width]


def turned(image, orientation):
    """Return an image in one of the eight orientations, numbered as the package numbers them."""
    image = image.transpose(1, 0, 2) if orientation & 4 else image
    image = image[::-1] if orientation & 2 else image
    return np.ascontiguousarray(image[:, ::-1] if orientation & 1 else image)


def recompressed(image, quality=60):
    """Return an image as JPEG leaves it."""
    buffer = BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))
