"""A test's part: trains as one of WORLD_SIZE processes, drop-out off, and writes the weights."""

import os
import sys

import torch
from pytorch_lightning import Trainer
from tiny import TINY
from torch import distributed

from segformer.data.dataset import SegmentationDataset
from segformer.data.rare_classes import RareClasses
from segformer.data.sampler import EpochSampler
from segformer.model.segformer import build
from segformer.parallel.sharding import Filled, SharedSampler
from segformer.parallel.topology import Topology
from segformer.spec import parse
from segformer.spec.overrides import nested
from segformer.training.checkpoint_io import CheckpointFiles
from segformer.training.loaders import needed_counts
from segformer.training.module import SegmentationModule
from segformer.training.trainer import lightning_settings

data, out = sys.argv[1:]
count = int(os.environ["WORLD_SIZE"])
spec = parse(
    nested(
        {
            **TINY,
            "dataset.segment.root_dir": data,
            "train.optim.optim": "sgd",
            "train.optim.lr": 1e-2,
            "train.segment.loss": "focal",
            "train.segment.class_balance": "sqrt",
            "train.segment.label_smoothing": 0.1,
            "dataset.segment.sampling": "rare_class",
            "dataset.segment.augmentation.random_mix.mix_probability": 0.5,
            "dataset.segment.augmentation.copy_paste_probability": 0.5,
            "train.sync_batchnorm": True,
            "train.use_distributed_sampler": True,
        }
    )
)
distributed.init_process_group("gloo")
segment = spec.dataset.segment
counts = needed_counts(spec)
rare = RareClasses.of(counts, temperature=segment.rare_class_temperature)


def loader(split, *, shuffle):
    images = SegmentationDataset(segment, split=split, augment=shuffle, rare=rare)
    # Four of the five training images: an odd one out would be normalised with its filler.
    size = 4 if split == "train" else len(images)
    order = EpochSampler(size, shuffle=shuffle, seed=0, rare=rare if shuffle else None)
    sampler = SharedSampler(order, size)
    return torch.utils.data.DataLoader(Filled(images), batch_size=2 // count, sampler=sampler)


torch.manual_seed(0)
network = build(spec.model, num_classes=3)
for module in network.modules():
    for chance in ("p", "drop_prob"):
        if isinstance(getattr(module, chance, None), float):
            setattr(module, chance, 0.0)
training = loader("train", shuffle=True)
module = SegmentationModule(network, spec, batches_per_epoch=len(training), counts=counts)
start = {key: value.clone() for key, value in network.state_dict().items()}
trainer = Trainer(
    **lightning_settings(spec, Topology("cpu", tuple(range(count))), CheckpointFiles()),
    max_epochs=2,
    logger=False,
    enable_checkpointing=False,
    enable_progress_bar=False,
    enable_model_summary=False,
    num_sanity_val_steps=0,
    use_distributed_sampler=False,
)
trainer.fit(module, training, loader("validation", shuffle=False))
if distributed.get_rank() == 0:
    end = network.state_dict()
    torch.save({"start": start, "end": end, "metrics": module.metrics}, out)
