"""One process that times a few steps: `python -m segformer.training.timed_steps`.

It reads a line of JSON with a spec and when it was asked, and writes one with the seconds of a
start and of an epoch.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback

from segformer.errors import SkillError
from segformer.model.saved import ModelRecord
from segformer.parallel.topology import topology_of
from segformer.spec.spec import Spec, parse
from segformer.training.callbacks.build import build_callbacks
from segformer.training.callbacks.checkpoint import CheckpointPaths
from segformer.training.checkpoint_io import CheckpointFiles
from segformer.training.isolation import isolated
from segformer.training.loaders import data_loaders, needed_counts
from segformer.training.loop import initial_network, with_own_prediction_of
from segformer.training.module import SegmentationModule
from segformer.training.record import TrainingRecord
from segformer.training.trainer import build_trainer

WARM_UP, STEPS = 2, 5
"""Batches before the clock starts, and those that it times, of training and validation each."""


class _Clock(Callback):
    """Takes the time after each batch, and after the epoch's checkpoints: the last callback."""

    def __init__(self) -> None:
        self.training: list[float] = []
        self.validation: list[float] = []
        self.end = 0.0

    def on_train_batch_end(self, *_: Any) -> None:
        self.training.append(_now())

    def on_validation_batch_end(self, *_: Any, **__: Any) -> None:
        self.validation.append(_now())

    def on_train_epoch_end(self, *_: Any) -> None:
        self.end = _now()


def _now() -> float:
    """Return the time at which a GPU has done all that it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.monotonic()


def main() -> None:
    """Time the epoch of the spec that is read, and write the seconds."""
    asked = json.loads(sys.stdin.readline())
    spec = parse(asked["spec"])
    try:
        with tempfile.TemporaryDirectory() as folder, isolated():
            seconds = _seconds(spec, Path(folder), asked_at=asked["at"])
    except SkillError as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(1)
    print(json.dumps(seconds), flush=True)
    # Skip the teardown of torch: the system frees the memory faster.
    os._exit(0)


def _seconds(spec: Spec, folder: Path, *, asked_at: float) -> dict[str, float]:
    """Return the seconds up to the first batch, and those of an epoch with its checkpoints."""
    # One process stands for all: each takes its share of the batches.
    processes = topology_of("train", spec.train).count
    alone = {"num_gpus": 1, "num_nodes": 1, "gpu_ids": [0], "num_epochs": 1,
             "shortened": [], "validation_interval": 1, "checkpoint_interval": 1}  # fmt: skip
    spec = spec.model_copy(update={"train": spec.train.model_copy(update=alone)})
    spec = with_own_prediction_of(spec)
    counts = needed_counts(spec)
    training, validation = data_loaders(spec, None, counts)
    network = initial_network(spec)
    module = SegmentationModule(network, spec, batches_per_epoch=len(training), counts=counts)
    clock = _Clock()
    topology = topology_of("train", spec.train)
    # Nothing of the measurement is logged anywhere.
    tensorboard = spec.train.tensorboard.model_copy(update={"enabled": False})
    silent = spec.model_copy(
        update={
            "train": spec.train.model_copy(update={"tensorboard": tensorboard}),
            "wandb": spec.wandb.model_copy(update={"enable": False}),
        }
    )
    callbacks = build_callbacks(
        module, silent, CheckpointPaths(folder), record=ModelRecord.of(spec),
        training=TrainingRecord.of(spec), best=None,
    )  # fmt: skip
    trainer = build_trainer(spec, folder, topology, CheckpointFiles(), [*callbacks, clock])
    trainer.limit_train_batches = trainer.limit_val_batches = WARM_UP + STEPS
    trainer.fit(module, training, validation)
    batch_s, validation_s = per_batch(clock.training), per_batch(clock.validation)
    epoch_s = (len(training) * batch_s + len(validation) * validation_s) / processes
    start_s = clock.training[0] - batch_s - asked_at
    return {"start_s": start_s, "epoch_s": epoch_s + clock.end - clock.validation[-1]}


def per_batch(ends: list[float]) -> float:
    """Return the seconds between the ends of batches, without the first where there are enough."""
    kept = ends[min(WARM_UP, max(0, len(ends) - 2)) :]
    return (kept[-1] - kept[0]) / (len(kept) - 1) if len(kept) > 1 else 0.0


if __name__ == "__main__":
    main()
