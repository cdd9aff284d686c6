"""A test's part: trains as one of WORLD_SIZE processes, drop-out off, and writes the weights."""

import os
import sys

import torch
from pytorch_lightning import Trainer
from tiny import TINY
from torch import distributed

from segformer.data.dataset import SegmentationDataset
from segformer.data.sampler import EpochSampler
from segformer.model.segformer import build
from segformer.parallel.sharding import Filled, SharedSampler
from segformer.parallel.topology import Topology
from segformer.spec import parse
from segformer.spec.overrides import nested
from segformer.training.checkpoint_io import CheckpointFiles
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
            "train.sync_batchnorm": True,
            "train.use_distributed_sampler": True,
        }
    )
)
distributed.init_process_group("gloo")


def loader(split, *, shuffle):
    images = SegmentationDataset(spec.dataset.segment, split=split)
    # Four of the five training images: an odd one out would be normalised with its filler.
    size = 4 if split == "train" else len(images)
    sampler = SharedSampler(EpochSampler(size, shuffle=shuffle, seed=0), size)
    return torch.utils.data.DataLoader(Filled(images), batch_size=2 // count, sampler=sampler)


torch.manual_seed(0)
network = build(spec.model, num_classes=3)
for module in network.modules():
    for chance in ("p", "drop_prob"):
        if isinstance(getattr(module, chance, None), float):
            setattr(module, chance, 0.0)
training = loader("train", shuffle=True)
module = SegmentationModule(network, spec, batches_per_epoch=len(training))
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
