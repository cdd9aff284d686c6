"""Splits samples between processes: each sample once, all shares of one length."""

from collections.abc import Iterator
from typing import TypeVar

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from segformer.data.labels import IGNORED
from segformer.data.sampler import Key
from segformer.parallel.collective import count, number

T = TypeVar("T")

FILLER = -1
"""Index of a sample that pads a share: all of its pixels are ignored."""


def share_of(items: list[T]) -> list[T]:
    """This process's share of a list: every n-th item of it. Shares may differ by one."""
    return items[number() :: count()]


class SharedSampler(Sampler[Key]):
    """Every n-th (epoch, index) of a sampler, padded to one length for all processes.

    The batches of n processes together are one batch, n times as large, of a single process.
    """

    def __init__(self, whole: Sampler[Key], size: int) -> None:
        self.whole = whole
        self.size = size

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the next pass; Lightning calls this."""
        self.whole.set_epoch(epoch)  # type: ignore[attr-defined]

    def __len__(self) -> int:
        return -(-self.size // count())

    def __iter__(self) -> Iterator[Key]:
        keys = list(self.whole)
        # Counted from the keys, not from the size: a resumed pass has fewer.
        missing = -len(keys) % count()
        yield from share_of(keys + [(0, FILLER)] * missing)


class Filled(Dataset[dict[str, Tensor]]):
    """A data set with the filler added: its first image, all pixels ignored."""

    def __init__(self, data: Dataset[dict[str, Tensor]]) -> None:
        self.data = data

    def __getitem__(self, key: Key) -> dict[str, Tensor]:
        if key[1] != FILLER:
            return self.data[key]
        sample = self.data[0, 0]
        return {**sample, "mask": torch.full_like(sample["mask"], IGNORED)}
