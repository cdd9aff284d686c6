"""The order of the samples, which depends only on seed and epoch, so a resumed run repeats it."""

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler


class EpochSampler(Sampler[tuple[int, int]]):
    """Yields (epoch, index) for every index; shuffled anew each epoch if `shuffle`."""

    def __init__(self, size: int, *, shuffle: bool, seed: int) -> None:
        self.size = size
        self.shuffle = shuffle
        self.seed = seed
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

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = np.arange(self.size)
        if self.shuffle:
            np.random.default_rng([self.seed, self.epoch]).shuffle(order)
        first, self._skipped = self._skipped, 0
        yield from ((self.epoch, int(index)) for index in order[first:])
