"""The pairs of one split as tensors for the model."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from segformer.data.augment import Pixels, augment, resized, settings_of
from segformer.data.decoded import Decoded, cache_of, is_own_size
from segformer.data.labels import IGNORED
from segformer.data.load import load_pair
from segformer.data.mix import mixed
from segformer.data.pairs import Pair
from segformer.data.rare_classes import RareClasses
from segformer.data.sampler import Key
from segformer.data.source import source_of
from segformer.data.windows import (
    Size,
    cut,
    is_plain,
    padded_size,
    window_size,
    windows_of,
)
from segformer.spec.sections.dataset import DatasetSegment

Split = Literal["train", "validation", "test"]


class SegmentationDataset(Dataset[dict[str, Tensor]]):
    """Items {"image": float32 CxHxW, normalised, "mask": int64 HxW, 255 = ignored}.

    Without `augment`, a picture that is not segmented whole and once is an item {"picture": uint8
    hxwxC, "mask": int64 hxw} of its own size. A key is that of an `EpochSampler`, or an index of
    epoch 0. With `augment`, an item depends on seed and key only: neither on the number of workers
    nor on a resume. `rare` holds the classes of copy-paste, `pairs` those of the
    split if they are at hand.
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
        pairs: Sequence[Pair] | None = None,
    ) -> None:
        self.segment = segment
        self.is_augmented = augment
        self.seed = seed
        self.rare = rare
        self.augmentation = settings_of(segment)
        if pairs is None:
            pairs = source_of(segment).pairs(split_folder(segment, split))
        self.pairs = list(pairs)
        self._cache = cache_of(segment, self.pairs, is_augmented=augment)

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, key: int | Key) -> dict[str, Tensor]:
        epoch, index, *repeat = key if isinstance(key, tuple) else (0, key)
        if self.is_augmented:
            draw = np.random.default_rng([self.seed, epoch, index, *repeat])
            image, mask = self._mixed(index, draw)
            is_picture = False
        else:
            image, mask, is_picture = self._pair(index)
        ids = torch.from_numpy(mask.astype(np.int64))
        if is_picture:
            return {"picture": torch.tensor(image), "mask": ids}
        return {"image": normalised(image, self.segment), "mask": ids}

    def _mixed(self, index: int, draw: Generator) -> tuple[Pixels, Pixels]:
        def changed(index: int) -> tuple[Pixels, Pixels]:
            image, mask, _ = self._pair(index)
            if self.segment.resize == "crop":
                image, mask = _random_window(image, mask, self.segment, draw)
            return augment(image, mask, self.augmentation, draw=draw)

        return mixed(
            *changed(index),
            self.augmentation,
            donor=changed,
            size=len(self),
            rare=self.rare,
            draw=draw,
        )

    def _pair(self, index: int) -> Decoded:
        """Return a pair at the size of the input, or at its own if it is cropped or a picture."""
        kept = self._cache.get(index)
        if kept is not None:
            return kept
        loaded = load_pair(self.pairs[index], self.segment)
        image, mask = loaded.image, loaded.ids
        is_picture = not self.is_augmented and not is_plain(_size(image), self.segment)
        if not is_own_size(_size(image), self.segment, is_augmented=self.is_augmented):
            image, mask = _fitted(image, mask, self.segment)
        pair = image, mask, is_picture
        self._cache.put(index, pair)
        return pair


def collated(items: list[dict[str, Tensor]]) -> dict[str, Any]:
    """Return items as {"image": BxCxHxW, "mask": BxHxW}; if one is a picture, {"items": list}."""
    if any("picture" in item for item in items):
        return {"items": items}
    batch: dict[str, Any] = default_collate(items)
    return batch


def _fitted(image: Pixels, mask: Pixels, segment: DatasetSegment) -> tuple[Pixels, Pixels]:
    height, width = segment.size
    if segment.resize == "pad":
        around = padded_size(_size(image), segment.size)
        image, mask = cut(image, (0, 0), around), cut(mask, (0, 0), around, fill=IGNORED)
    return resized(image, mask, (width, height))


def _random_window(
    image: Pixels, mask: Pixels, segment: DatasetSegment, draw: Generator
) -> tuple[Pixels, Pixels]:
    size = window_size(segment)
    top, left = (
        int(draw.integers(max(side - window, 0) + 1))
        for side, window in zip(_size(image), size, strict=True)
    )
    image, mask = cut(image, (top, left), size), cut(mask, (top, left), size, fill=IGNORED)
    height, width = segment.size
    return (image, mask) if size == segment.size else resized(image, mask, (width, height))


def normalised(image: Pixels, segment: DatasetSegment) -> Tensor:
    """Return pixels HxWxC as CxHxW, float32, less the spec's mean and over its std."""
    # In numpy: starting torch's threads would cost more than the work itself.
    mean = np.array(segment.augmentation.mean, dtype=np.float32)
    std = np.array(segment.augmentation.std, dtype=np.float32)
    pixels = (image.astype(np.float32) / 255 - mean) / std
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def window_input(
    picture: Pixels, place: tuple[int, int], size: Size, segment: DatasetSegment
) -> Tensor:
    """Return a window at a top and left as input of the model CxHxW, black beyond the picture."""
    height, width = segment.size
    window = cut(picture, place, size)
    return normalised(resized(window, window[..., 0], (width, height))[0], segment)


def unscaled(image: Tensor, segment: DatasetSegment) -> Pixels:
    """Return the picture HxWxC of a model's input CxHxW, with the scaling undone."""
    scaling = segment.augmentation
    pixels = image.numpy().transpose(1, 2, 0) * scaling.std + scaling.mean
    return np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


def model_input(image: Pixels, segment: DatasetSegment) -> Tensor:
    """Return an image of any size as input of the model: its middle if it takes windows."""
    windows = windows_of(_size(image), segment)
    place = windows.tops[len(windows.tops) // 2], windows.lefts[len(windows.lefts) // 2]
    return window_input(image, place, windows.size, segment)


def _size(image: Pixels) -> Size:
    return image.shape[0], image.shape[1]


def split_folder(segment: DatasetSegment, split: Split) -> str:
    """Return the folder name of a split, e.g. "val" for "validation"."""
    folders = {
        "train": segment.train_split,
        "validation": segment.validation_split,
        "test": segment.test_split,
    }
    return folders[split]
