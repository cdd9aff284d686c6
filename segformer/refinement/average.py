"""Averages the weights of checkpoints of one architecture: a soup (arXiv:2203.05482)."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from segformer.data.dataset import SegmentationDataset
from segformer.errors import SpecError
from segformer.model.saved import ModelRecord, SavedModel
from segformer.model.segformer import SegFormer
from segformer.spec.sections.dataset import DatasetSegment

MOST_BATCHES = 32
"""Batches of training images over which the statistics of batch norms are taken anew."""
_BATCH = 8
_OF_INPUTS = ("num_classes", "img_size", "img_height", "img_width", "resize", "augmentation")


def averaged(models: Sequence[SavedModel], segment: DatasetSegment) -> SegFormer:
    """Return the network with the mean weights of some models, in evaluation mode.

    Means and variances of batch norms do not average: they are measured again on training images
    without augmentation. Raises `SpecError` for models that differ in architecture or in what they
    take as input.
    """
    first = models[0]
    for other in models[1:]:
        _check_alike(first, other)
    weights = {name: _mean([m.weights[name] for m in models]) for name in first.weights}
    network = SavedModel(first.source, first.record, weights).build()
    _measure_norms(network, first.record.applied_to(segment))
    return network.eval()


def _check_alike(first: SavedModel, other: SavedModel) -> None:
    shapes, others = (
        {name: tuple(w.shape) for name, w in m.weights.items()} for m in (first, other)
    )
    differs = [key for key in _OF_INPUTS if _input(first.record, key) != _input(other.record, key)]
    if shapes != others:
        differs.insert(0, "architecture")
    if differs:
        raise SpecError(
            f"{other.source}: cannot be averaged with {first.source}: other {', '.join(differs)}"
        )


def _input(record: ModelRecord, key: str) -> object:
    return record.segment.get(key)


def _mean(tensors: Sequence[Tensor]) -> Tensor:
    if not tensors[0].is_floating_point():
        return tensors[0].clone()
    return torch.stack([t.double() for t in tensors]).mean(0).to(tensors[0].dtype)


@torch.no_grad()
def _measure_norms(network: SegFormer, segment: DatasetSegment) -> None:
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # A plain mean over the batches.
        norm.train()
    for images in _batches(segment) if norms else ():
        network(images)


def _batches(segment: DatasetSegment) -> Iterator[Tensor]:
    """Yield batches of training images, evenly spread over the split."""
    data = SegmentationDataset(segment, split="train")
    count = min(len(data), MOST_BATCHES * _BATCH)
    chosen = [index * len(data) // count for index in range(count)]
    items = DataLoader(data, batch_size=1, sampler=chosen, collate_fn=lambda item: item[0])
    images = [item["image"] for item in items if "image" in item]
    for start in range(0, len(images), _BATCH):
        # One image alone has no variance in a norm of 1x1 maps.
        if len(batch := images[start : start + _BATCH]) > 1 or len(images) == 1:
            yield torch.stack(batch)
