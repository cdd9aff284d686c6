"""Pastes parts of another training image: CutMix, ClassMix, and objects of rare classes."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from segformer.data.augment import Pixels
from segformer.data.labels import IGNORED
from segformer.data.rare_classes import RareClasses
from segformer.spec.sections.augmentation import Augmentation

Region = NDArray[np.bool_]
Donor = Callable[[int], tuple[Pixels, Pixels]]
"""From the index of an image to it and its mask, changed at random, in the size of the others."""


def mixed(
    image: Pixels,
    mask: Pixels,
    settings: Augmentation,
    *,
    donor: Donor,
    size: int,
    rare: RareClasses | None,
    draw: Generator,
) -> tuple[Pixels, Pixels]:
    """Return image and mask with what is pasted from others.

    Args:
        image: HxWxC, after its other changes.
        mask: HxW.
        settings: How often, and what.
        donor: Gives another image of the same split.
        size: Number of images in the split.
        rare: The classes for copy-paste; None if it is off.
        draw: Random numbers; none is drawn for what is off.
    """
    mix = settings.random_mix
    if mix.mix_probability and draw.random() < mix.mix_probability:
        other, other_mask = donor(int(draw.integers(size)))
        region = cut_region if mix.kind == "cutmix" else class_region
        image, mask = pasted(image, mask, other, other_mask, region(other_mask, draw))
    probability = settings.copy_paste_probability
    if rare is not None and probability and draw.random() < probability:
        chosen, index = rare.draw(draw)
        other, other_mask = donor(index)
        image, mask = pasted(image, mask, other, other_mask, other_mask == chosen)
    return image, mask


def pasted(
    image: Pixels, mask: Pixels, other: Pixels, other_mask: Pixels, region: Region
) -> tuple[Pixels, Pixels]:
    """Return image and mask with the pixels of a region from the other's."""
    return np.where(region[..., None], other, image), np.where(region, other_mask, mask)


def cut_region(mask: Pixels, draw: Generator) -> Region:
    """Return a box of any share of the area, in the image's shape (CutMix, arXiv:1905.04899)."""
    height, width = mask.shape
    side = np.sqrt(draw.random())
    rows, columns = round(height * side), round(width * side)
    top, left = draw.integers(height - rows + 1), draw.integers(width - columns + 1)
    region = np.zeros(mask.shape, dtype=np.bool_)
    region[top : top + rows, left : left + columns] = True
    return region


def class_region(mask: Pixels, draw: Generator) -> Region:
    """Return the pixels of half of a mask's classes, rounded up (ClassMix, arXiv:2007.07936)."""
    classes = np.setdiff1d(mask, [IGNORED])
    chosen = draw.choice(classes, size=(len(classes) + 1) // 2, replace=False)
    return np.isin(mask, chosen)
