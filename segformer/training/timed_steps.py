"""One process that times a few steps: `python -m segformer.training.timed_steps`.

It reads a line of JSON with a spec and writes one with the seconds of an epoch.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback

from segformer.errors import SkillError
from segformer.parallel.topology import topology_of
from segformer.spec.spec import Spec, parse
from segformer.training.checkpoint_io import CheckpointFiles
from segformer.training.isolation import isolated
from segformer.training.loaders import data_loaders, needed_counts
from segformer.training.loop import initial_network, with_own_prediction_of
from segformer.training.module import SegmentationModule
from segformer.training.trainer import build_trainer

WARM_UP, STEPS = 2, 5
"""Batches before the clock starts, and those that it times, of training and validation each."""


class _Clock(Callback):
    """Takes the time after each batch."""

    def __init__(self) -> None:
        self.training: list[float] = []
        self.validation: list[float] = []

    def on_train_batch_end(self, *_: Any) -> None:
        self.training.append(time.perf_counter())

    def on_validation_batch_end(self, *_: Any, **__: Any) -> None:
        self.validation.append(time.perf_counter())


def main() -> None:
    """Time the epoch of the spec that is read, and write the seconds."""
    spec = parse(json.loads(sys.stdin.readline()))
    try:
        with tempfile.TemporaryDirectory() as folder, isolated():
            seconds = _epoch_seconds(spec, Path(folder))
    except SkillError as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(1)
    print(json.dumps({"seconds": seconds}), flush=True)
    # Skip the teardown of torch: the system frees the memory faster.
    os._exit(0)


def _epoch_seconds(spec: Spec, folder: Path) -> float:
    # One process stands for all: each takes its share of the batches.
    processes = topology_of("train", spec.train).count
    alone = {"num_gpus": 1, "num_nodes": 1, "gpu_ids": [0], "num_epochs": 1,
             "validation_interval": 1}  # fmt: skip
    spec = spec.model_copy(update={"train": spec.train.model_copy(update=alone)})
    spec = with_own_prediction_of(spec)
    counts = needed_counts(spec)
    training, validation = data_loaders(spec, None, counts)
    network = initial_network(spec)
    module = SegmentationModule(network, spec, batches_per_epoch=len(training), counts=counts)
    clock = _Clock()
    topology = topology_of("train", spec.train)
    trainer = build_trainer(spec, folder, topology, CheckpointFiles(), [clock])
    trainer.limit_train_batches = trainer.limit_val_batches = WARM_UP + STEPS
    trainer.fit(module, training, validation)
    whole = len(training) * per_batch(clock.training)
    whole += len(validation) * per_batch(clock.validation)
    return whole / processes


def per_batch(ends: list[float]) -> float:
    """Return the seconds between the ends of batches, without the first where there are enough."""
    kept = ends[min(WARM_UP, max(0, len(ends) - 2)) :]
    return (kept[-1] - kept[0]) / (len(kept) - 1) if len(kept) > 1 else 0.0


if __name__ == "__main__":
    main()
