"""Checkpoints of a training: `last` to go on from, `best` to use."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from segformer.atomic import replacing
from segformer.errors import CheckpointError
from segformer.model.saved import ENTRY, ModelRecord, load_torch
from segformer.parallel.collective import number
from segformer.training.module import SegmentationModule

OBJECTIVE = "val_miou"
"""The metric by which an epoch is better than another: higher is better."""


@dataclass(frozen=True)
class CheckpointPaths:
    """Where the checkpoints of a training are."""

    folder: Path

    @property
    def last(self) -> Path:
        """Full state after the last epoch saved."""
        return self.folder / "checkpoints" / "last.ckpt"

    @property
    def best(self) -> Path:
        """Weights after the best validated epoch."""
        return self.folder / "checkpoints" / "best.ckpt"


class Checkpoints(Callback):
    """Writes best.ckpt when an epoch is the best so far, last.ckpt every `interval` epochs.

    Equal trainings write equal bytes: nothing in the files depends on place or time.
    """

    def __init__(
        self,
        module: SegmentationModule,
        paths: CheckpointPaths,
        record: ModelRecord,
        *,
        interval: int,
        best: float | None,
    ) -> None:
        self._module = module
        self._paths = paths
        self._record = record
        self._interval = interval
        self._best = best
        self._saved_epoch: int | None = None
        self._done_epoch: int | None = None

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write what is due. The best goes first: a kill in between then loses nothing."""
        epoch, metrics = trainer.current_epoch + 1, self._module.metrics
        value = metrics.get(OBJECTIVE)
        is_best = value is not None and (self._best is None or value > self._best)
        self._best = value if is_best else self._best
        self._record = self._record.after(epoch, metrics, best=self._best)
        self._done_epoch = epoch
        if is_best and number() == 0:
            write_best(self._paths.best, self._module.state_dict(), self._record)
        if epoch % self._interval == 0:
            self._save_last(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the last epoch, also when the training was stopped between intervals."""
        if self._done_epoch is not None and self._saved_epoch != self._done_epoch:
            self._save_last(trainer)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Put the record into Lightning's checkpoint."""
        checkpoint[ENTRY] = self._record.to_dict()

    def _save_last(self, trainer: Trainer) -> None:
        if number() == 0:
            with replacing(self._paths.last) as part:
                trainer.save_checkpoint(part, weights_only=False)
        else:
            # Writes nothing, but Lightning waits here for all processes.
            trainer.save_checkpoint(self._paths.last, weights_only=False)
        self._saved_epoch = self._done_epoch


def write_best(path: Path, state_dict: dict[str, Any], record: ModelRecord) -> None:
    """Write weights and record, without the optimiser's state."""
    with replacing(path) as part, part.open("wb") as file:
        # Given a file, not a name, torch puts no name inside.
        torch.save({"state_dict": dict(state_dict), ENTRY: record.to_dict()}, file)


@dataclass(frozen=True)
class ResumePoint:
    """A checkpoint that a training goes on from."""

    path: Path
    record: ModelRecord

    @classmethod
    def read(cls, path: Path, expected: ModelRecord) -> "ResumePoint":
        """Check a checkpoint; raises `CheckpointError` when it cannot be continued.

        Args:
            path: The checkpoint.
            expected: The record of the model that is to be trained.
        """
        content = _read_state(path)
        record = ModelRecord.from_dict(content[ENTRY], source=path)
        for what, own, asked in (
            ("model", record.model, expected.to_dict()["model"]),
            ("num_classes", record.segment["num_classes"], expected.segment["num_classes"]),
        ):
            if own != asked:
                raise CheckpointError(
                    f"{path}: was trained with {what} {own}, the spec says {asked};"
                    " a training goes on with the model it began with"
                )
        return cls(path, record)

    def bring(self, paths: CheckpointPaths) -> float | None:
        """Make the training's folder that of this checkpoint, and return the best value so far.

        A training that goes on from elsewhere takes over the best.ckpt beside its checkpoint, or,
        where there is none of that epoch or before, the weights that it goes on from.
        """
        if self.path.resolve() != paths.last.resolve():
            self._take_over(paths)
        if not paths.best.is_file() and self.record.metrics:
            value = self.record.metrics[OBJECTIVE]
            record = self.record.after(self.record.epoch, self.record.metrics, best=value)
            write_best(paths.best, _read_state(self.path)["state_dict"], record)
        return read_record(paths.best).metrics[OBJECTIVE] if paths.best.is_file() else None

    def _take_over(self, paths: CheckpointPaths) -> None:
        _copy(self.path, paths.last)
        beside = self.path.with_name(paths.best.name)
        if beside.resolve() == paths.best.resolve():
            return
        paths.best.unlink(missing_ok=True)
        if beside.is_file() and read_record(beside).epoch <= self.record.epoch:
            _copy(beside, paths.best)


def read_record(path: Path) -> ModelRecord:
    """The record in a checkpoint; raises `CheckpointError`."""
    return ModelRecord.from_dict(load_torch(path).get(ENTRY), source=path)


def _copy(source: Path, target: Path) -> None:
    with replacing(target) as part:
        shutil.copyfile(source, part)


def _read_state(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise CheckpointError(
            f"train.resume_training_checkpoint_path: {path} is no file; give a last.ckpt or leave"
            " it empty"
        )
    content = load_torch(path)
    if ENTRY not in content:
        raise CheckpointError(f"{path}: has no '{ENTRY}' entry, so it is no checkpoint of ours")
    if "optimizer_states" not in content:
        raise CheckpointError(
            f"{path}: holds weights only, no training can go on from it;"
            " to start from these weights give it as train.pretrained_model_path"
        )
    return content
