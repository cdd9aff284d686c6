"""The data loaders of a training."""

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from segformer.data.dataset import SegmentationDataset
from segformer.data.sampler import EpochSampler
from segformer.parallel.collective import count, number
from segformer.parallel.sharding import Filled, SharedSampler
from segformer.spec.spec import Spec
from segformer.training.resume import ResumePoint

Loader = DataLoader[dict[str, Tensor]]


def data_loaders(spec: Spec, resume: ResumePoint | None) -> tuple[Loader, Loader]:
    """Return the loaders of training and validation; of a resume, from the place it resumes at."""
    segment, is_shared = spec.dataset.segment, spec.train.use_distributed_sampler
    # Without the distributed sampler each process draws from all the data, in its own order.
    seed = spec.train.seed + (0 if is_shared else number())
    train_data = SegmentationDataset(segment, split="train", augment=True, seed=seed)
    order = EpochSampler(len(train_data), shuffle=segment.shuffle, seed=seed)
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
        generator=torch.Generator().manual_seed(spec.train.seed),
    )
