"""The first items of a training, as pictures."""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from segformer.data.dataset import SegmentationDataset, unscaled
from segformer.data.overlay import Pixels
from segformer.data.rare_classes import RareClasses
from segformer.data.sampler import EpochSampler
from segformer.data.scan import ScannedPair
from segformer.spec.sections.dataset import DatasetSegment


def first_items(
    segment: DatasetSegment, pairs: Sequence[ScannedPair], count: int, *, seed: int
) -> Iterator[tuple[str, Pixels, Pixels]]:
    """Yield name, image SxSxC and class ids SxS of a training's first items, in its order."""
    training = [pair for pair in pairs if pair.split == segment.train_split]
    if not training:
        return
    counts = np.array([p.pixels[: segment.num_classes] for p in training])
    rare = RareClasses.of(counts, temperature=segment.rare_class_temperature)
    data = SegmentationDataset(
        segment, split="train", augment=True, seed=seed, rare=rare, pairs=[p.pair for p in training]
    )
    drawn = rare if segment.sampling == "rare_class" else None
    order = EpochSampler(len(data), shuffle=segment.shuffle, seed=seed, rare=drawn)
    for key in islice(order, count):
        item = data[key]
        ids = item["mask"].numpy().astype(np.uint8)
        yield training[key[1]].name, unscaled(item["image"], segment), ids
