"""Each process its share of the samples: every sample once in all, every share as long."""

from collections.abc import Iterator
from typing import TypeVar

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from segformer.data.labels import IGNORED
from segformer.parallel.collective import count, number

Key = tuple[int, int]
T = TypeVar("T")

FILLER = -1
"""The index of a sample that only fills up a share: no pixel of it counts."""


def share_of(items: list[T]) -> list[T]:
    """This process's share of a list: every n-th item of it. Shares may differ by one."""
    return items[number() :: count()]


class SharedSampler(Sampler[Key]):
    """Every n-th (epoch, index) of a sampler; shares are filled up to one length.

    One batch of each process is, taken together, one batch of a single process n times as large.
    """

    def __init__(self, whole: Sampler[Key], size: int) -> None:
        self.whole = whole
        self.size = size

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next pass; Lightning calls this."""
        self.whole.set_epoch(epoch)  # type: ignore[attr-defined]

    def __len__(self) -> int:
        return -(-self.size // count())

    def __iter__(self) -> Iterator[Key]:
        keys = list(self.whole)
        # Not of the length: a pass that is resumed has fewer.
        missing = -len(keys) % count()
        yield from share_of(keys + [(0, FILLER)] * missing)


class Filled(Dataset[dict[str, Tensor]]):
    """A data set that also has the filler: its first image, all of its pixels ignored."""

    def __init__(self, data: Dataset[dict[str, Tensor]]) -> None:
        self.data = data

    def __getitem__(self, key: Key) -> dict[str, Tensor]:
        if key[1] != FILLER:
            return self.data[key]
        sample = self.data[0, 0]
        return {**sample, "mask": torch.full_like(sample["mask"], IGNORED)}
