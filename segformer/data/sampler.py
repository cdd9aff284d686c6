"""The order of the samples, which depends only on seed and epoch, so a resumed run repeats it."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

from segformer.data.rare_classes import RareClasses

Key = tuple[int, ...]
"""Epoch and index; of images that are drawn, also how often the image came before."""


class EpochSampler(Sampler[Key]):
    """Yields (epoch, index) for every index; shuffled anew each epoch if `shuffle`.

    With `rare` it yields as many (epoch, index, repeat) instead, of images drawn by their classes.
    """

    def __init__(
        self, size: int, *, shuffle: bool, seed: int, rare: RareClasses | None = None
    ) -> None:
        self.size = size
        self.shuffle = shuffle
        self.seed = seed
        self.rare = rare
        self.epoch = 0
        self._skipped = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, from 0, of the next pass; Lightning calls this."""
        self.epoch = epoch

    def skip(self, count: int) -> None:
        """Skip the first `count` samples of the next pass, which a resumed epoch has seen."""
        self._skipped = count

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[Key]:
        first, self._skipped = self._skipped, 0
        yield from ((self.epoch, *place) for place in self._places()[first:])

    def _places(self) -> list[Key]:
        if self.rare is not None:
            return self._drawn(self.rare)
        order = np.arange(self.size)
        if self.shuffle:
            np.random.default_rng([self.seed, self.epoch]).shuffle(order)
        return [(int(index),) for index in order]

    def _drawn(self, rare: RareClasses) -> list[Key]:
        draw, repeats = np.random.default_rng([self.seed, self.epoch]), Counter[int]()
        places: list[Key] = []
        for _ in range(self.size):
            index = rare.draw(draw)[1]
            places.append((index, repeats[index]))
            repeats[index] += 1
        return places
