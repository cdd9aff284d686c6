"""The data loaders of a training."""

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from segformer.data.class_counts import Counts, class_counts
from segformer.data.dataset import SegmentationDataset, collated
from segformer.data.rare_classes import RareClasses
from segformer.data.sampler import EpochSampler
from segformer.parallel.collective import count, from_first, number
from segformer.parallel.sharding import Filled, SharedSampler
from segformer.spec.spec import Spec
from segformer.training.resume import ResumePoint

Loader = DataLoader[dict[str, Tensor]]


def needed_counts(spec: Spec) -> Counts | None:
    """Count the pixels of the classes, once for all processes; None if no setting needs them."""
    segment = spec.dataset.segment
    is_needed = (
        spec.train.segment.class_balance != "none"
        or segment.sampling == "rare_class"
        or segment.augmentation.copy_paste_probability > 0
    )
    if not is_needed:
        return None
    return from_first(class_counts(segment) if number() == 0 else None)


def data_loaders(
    spec: Spec, resume: ResumePoint | None, counts: Counts | None = None
) -> tuple[Loader, Loader]:
    """Return the loaders of training and validation; of a resume, from the place it resumes at.

    `counts` are those of `needed_counts`.
    """
    segment, is_shared = spec.dataset.segment, spec.train.use_distributed_sampler
    # Without the distributed sampler each process draws from all the data, in its own order.
    seed = spec.train.seed + (0 if is_shared else number())
    rare = None
    if counts is not None:
        rare = RareClasses.of(counts, temperature=segment.rare_class_temperature)
    train_data = SegmentationDataset(segment, split="train", augment=True, seed=seed, rare=rare)
    drawn = rare if segment.sampling == "rare_class" else None
    order = EpochSampler(len(train_data), shuffle=segment.shuffle, seed=seed, rare=drawn)
    sampler = SharedSampler(order, len(train_data)) if is_shared else order
    # Lightning opens the loader, and so starts its workers, before it sets the sampler's epoch.
    if resume:
        sampler.set_epoch(resume.record.epoch)
        processes = count() if is_shared else 1
        order.skip(resume.position.batch * segment.batch_size * processes)
    validation_data = SegmentationDataset(segment, split="validation", augment=False, seed=seed)
    in_order = EpochSampler(len(validation_data), shuffle=False, seed=seed)
    shared = SharedSampler(in_order, len(validation_data))
    return _loader(spec, train_data, sampler), _loader(spec, validation_data, shared)


def _loader(spec: Spec, data: SegmentationDataset, sampler: EpochSampler | SharedSampler) -> Loader:
    segment = spec.dataset.segment
    return DataLoader(
        Filled(data),
        batch_size=segment.batch_size,
        sampler=sampler,
        num_workers=segment.workers,
        persistent_workers=segment.workers > 0,
        pin_memory=torch.cuda.is_available(),
        # By default a loader draws from torch's global generator, on which drop-out depends.
        collate_fn=collated,
        generator=torch.Generator().manual_seed(spec.train.seed),
    )
