"""The pairs of one split as tensors for the model."""

from typing import Literal

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.utils.data import Dataset

from segformer.data.augment import Pixels, augment, resized, settings_of
from segformer.data.load import load_pair
from segformer.data.mix import mixed
from segformer.data.rare_classes import RareClasses
from segformer.data.sampler import Key
from segformer.data.source import source_of
from segformer.spec.sections.dataset import DatasetSegment

CACHE_BYTES = 512 * 2**20
"""Each process caches resized pairs up to this size."""

Split = Literal["train", "validation", "test"]


class SegmentationDataset(Dataset[dict[str, Tensor]]):
    """Items {"image": float32 3xSxS, normalised, "mask": int64 SxS, 255 = ignored}.

    A key is that of an `EpochSampler`, or an index of epoch 0. With `augment`, an item depends on
    seed and key only: neither on the number of workers nor on a resume. `rare` holds the classes
    of copy-paste.
    Raises `DataError` if the split has no complete pairs or a file cannot be used.
    """

    def __init__(
        self,
        segment: DatasetSegment,
        *,
        split: Split,
        augment: bool = False,
        seed: int = 0,
        rare: RareClasses | None = None,
    ) -> None:
        self.segment = segment
        self.is_augmented = augment
        self.seed = seed
        self.rare = rare
        self.augmentation = settings_of(segment)
        self.pairs = source_of(segment).pairs(split_folder(segment, split))
        self._cache: dict[int, tuple[Pixels, Pixels]] = {}
        self._cached_bytes = 0

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, key: int | Key) -> dict[str, Tensor]:
        epoch, index, *repeat = key if isinstance(key, tuple) else (0, key)
        if self.is_augmented:
            draw = np.random.default_rng([self.seed, epoch, index, *repeat])
            image, mask = self._mixed(index, draw)
        else:
            image, mask = self._pair(index)
        return {
            "image": normalised(image, self.segment),
            "mask": torch.from_numpy(mask.astype(np.int64)),
        }

    def _mixed(self, index: int, draw: Generator) -> tuple[Pixels, Pixels]:
        def changed(index: int) -> tuple[Pixels, Pixels]:
            return augment(*self._pair(index), self.augmentation, draw=draw)

        return mixed(
            *changed(index),
            self.augmentation,
            donor=changed,
            size=len(self),
            rare=self.rare,
            draw=draw,
        )

    def _pair(self, index: int) -> tuple[Pixels, Pixels]:
        if index in self._cache:
            return self._cache[index]
        size = self.segment.img_size
        loaded = load_pair(self.pairs[index], self.segment)
        pair = resized(loaded.image, loaded.ids, (size, size))
        cost = sum(array.nbytes for array in pair)
        if self._cached_bytes + cost <= CACHE_BYTES:
            self._cache[index] = pair
            self._cached_bytes += cost
        return pair


def normalised(image: Pixels, segment: DatasetSegment) -> Tensor:
    """Return pixels HxWx3 as 3xHxW, float32, less the spec's mean and over its std."""
    # In numpy: starting torch's threads would cost more than the work itself.
    mean = np.array(segment.augmentation.mean, dtype=np.float32)
    std = np.array(segment.augmentation.std, dtype=np.float32)
    pixels = (image.astype(np.float32) / 255 - mean) / std
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def model_input(image: Pixels, segment: DatasetSegment) -> Tensor:
    """Return an image of any size as input of the model: as an item without augmentation."""
    size = (segment.img_size, segment.img_size)
    return normalised(resized(image, image[..., 0], size)[0], segment)


def split_folder(segment: DatasetSegment, split: Split) -> str:
    """Return the folder name of a split, e.g. "val" for "validation"."""
    folders = {
        "train": segment.train_split,
        "validation": segment.validation_split,
        "test": segment.test_split,
    }
    return folders[split]
