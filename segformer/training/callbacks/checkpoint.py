"""Checkpoints of a training: `last` to resume from, `previous` if `last` is torn, `best` to use.

A kill at any moment must lose at most the work since the last checkpoint. Every file is written
under another name and renamed into place, best.ckpt before last.ckpt: a resume from the older
last.ckpt trains the epoch again and finds the best value unchanged. In the other order the record
of the new last.ckpt would name a best epoch whose weights were never written.
"""

import os
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from segformer.model.saved import ENTRY, ModelRecord
from segformer.parallel.collective import count, number
from segformer.spec.spec import Spec
from segformer.storage.atomic import replacing
from segformer.storage.encryption import writing
from segformer.training.callbacks.average import WeightAverage
from segformer.training.module import SegmentationModule
from segformer.training.record import TrainingRecord

POSITION = "position"
"""Entry of a checkpoint for its place within an epoch, with the settings that define the place."""
TRAINING = "training"
"""Entry of a checkpoint for the settings that it was trained with."""
OBJECTIVE = "val_miou"
"""The metric that ranks epochs; higher is better."""


@dataclass(frozen=True)
class CheckpointPaths:
    """Where the checkpoints of a training are."""

    folder: Path

    @property
    def last(self) -> Path:
        """Full state after the last epoch, or step, saved."""
        return self.folder / "checkpoints" / "last.ckpt"

    @property
    def previous(self) -> Path:
        """The `last` before that."""
        return self.folder / "checkpoints" / "previous.ckpt"

    @property
    def best(self) -> Path:
        """Weights after the best validated epoch."""
        return self.folder / "checkpoints" / "best.ckpt"

    def of_epoch(self, epoch: int) -> Path:
        """Full state after an epoch, counted from 1, if every checkpoint is kept."""
        return self.folder / "checkpoints" / f"model_epoch_{epoch:03d}.ckpt"

    @property
    def holds_training(self) -> bool:
        """Whether a training has left a checkpoint here."""
        return any(self.last.parent.glob("*.ckpt"))


@dataclass(frozen=True)
class Position:
    """A place within an epoch; batch 7 of another batch size or seed is another place."""

    seed: int
    batch_size: int
    accumulate: int
    processes: int
    batch: int = 0
    """Batches of the epoch that are done; 0 at the end of an epoch."""

    @classmethod
    def of(cls, spec: Spec) -> "Position":
        """The start of a training."""
        train, segment = spec.train, spec.dataset.segment
        return cls(train.seed, segment.batch_size, train.accumulate_grad_batches, count())


class Checkpoints(Callback):
    """Writes best.ckpt when an epoch is the best so far, and last.ckpt at a fixed interval.

    The interval is in epochs or steps. Equal trainings write equal bytes: nothing in the files
    depends on place or time.
    """

    def __init__(
        self,
        module: SegmentationModule,
        paths: CheckpointPaths,
        spec: Spec,
        *,
        record: ModelRecord,
        training: TrainingRecord,
        best: float | None,
        average: WeightAverage | None = None,
    ) -> None:
        self._module = module
        self._average = average
        self._paths = paths
        self._record = record
        self._training = training
        self._position = Position.of(spec)
        self._interval = spec.train.checkpoint_interval
        self._in_steps = spec.train.checkpoint_interval_unit == "step"
        self._only_at_end = spec.train.checkpointer.replace_periodic
        self._keeps_every = spec.train.checkpointer.keep_every
        self._best = best
        self._step = 0
        self._saved_epoch: int | None = None
        self._done_epoch: int | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the step at which the training starts or resumes."""
        self._step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write last.ckpt if it is due within an epoch."""
        has_stepped, self._step = trainer.global_step != self._step, trainer.global_step
        # The last batch of an epoch waits for on_train_epoch_end, which has its metrics.
        if has_stepped and not trainer.is_last_batch and self._is_due_at(self._step, step=True):
            self._save_last(trainer, batch=batch_idx + 1)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the checkpoints that are due, best.ckpt first (see the module)."""
        epoch, metrics = trainer.current_epoch + 1, self._module.metrics
        value = metrics.get(OBJECTIVE)
        is_best = value is not None and (self._best is None or value > self._best)
        self._best = value if is_best else self._best
        self._record = self._record.after(epoch, metrics, best=self._best)
        self._done_epoch = epoch
        self._position = replace(self._position, batch=0)
        if is_best and number() == 0:
            write_best(self._paths.best, self._weights(), self._record)
        if self._is_due_at(epoch, step=False) or self._is_due_at(self._step, step=True):
            self._save_last(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the last epoch even if the training stopped between intervals."""
        if self._done_epoch is not None and self._saved_epoch != self._done_epoch:
            self._save_last(trainer)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the records and the position to Lightning's checkpoint."""
        checkpoint[ENTRY] = self._record.to_dict()
        checkpoint[POSITION] = asdict(self._position)
        checkpoint[TRAINING] = self._training.to_dict()

    def _is_due_at(self, count: int, *, step: bool) -> bool:
        is_due = self._in_steps == step and count % self._interval == 0
        return is_due and not self._only_at_end

    def _weights(self) -> dict[str, Any]:
        if self._average:
            return self._average.state_dict_of(self._module)
        return self._module.state_dict()

    def _save_last(self, trainer: Trainer, *, batch: int = 0) -> None:
        self._position = replace(self._position, batch=batch)
        save_full(trainer, self._paths.last, previous=self._paths.previous)
        self._saved_epoch = self._done_epoch if batch == 0 else self._saved_epoch
        if self._keeps_every and batch == 0 and number() == 0:
            link_or_copy(self._paths.last, self._paths.of_epoch(self._record.epoch))


def save_full(trainer: Trainer, path: Path, *, previous: Path | None = None) -> None:
    """Write a full checkpoint, on all processes; the file that it replaces becomes `previous`."""
    if number() != 0:
        # Only the first process writes, but Lightning waits here until all have called it.
        trainer.save_checkpoint(path, weights_only=False)
        return
    with replacing(path) as part:
        trainer.save_checkpoint(part, weights_only=False)
        # A kill between the two renames leaves only `previous`; a resume looks for both.
        if previous and path.is_file():
            path.replace(previous)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name, which stays when the first one is replaced."""
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    try:
        os.link(source, part)
    except OSError:  # Not every file system has hard links.
        shutil.copyfile(source, part)
    part.replace(target)


def write_best(path: Path, state_dict: dict[str, Any], record: ModelRecord) -> None:
    """Write weights and record, without the optimiser's state."""
    with replacing(path) as part, writing(part) as file:
        # See `CheckpointFiles.save_checkpoint` for why not by name.
        torch.save({"state_dict": dict(state_dict), ENTRY: record.to_dict()}, file)
