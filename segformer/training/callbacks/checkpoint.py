"""Checkpoints of a training: `last` to go on from, `previous` if it is torn, `best` to use."""

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from segformer.errors import CheckpointError
from segformer.model.saved import ENTRY, ModelRecord, load_torch
from segformer.parallel.collective import count, number
from segformer.spec.spec import Spec
from segformer.storage.atomic import replacing
from segformer.storage.encryption import writing
from segformer.training.callbacks.average import TRAINED, WeightAverage
from segformer.training.module import SegmentationModule

POSITION = "position"
"""Entry of a checkpoint for where in an epoch it was written, and what the place depends on."""
OBJECTIVE = "val_miou"
"""The metric by which an epoch is better than another: higher is better."""


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
        """What was last before that."""
        return self.folder / "checkpoints" / "previous.ckpt"

    @property
    def best(self) -> Path:
        """Weights after the best validated epoch."""
        return self.folder / "checkpoints" / "best.ckpt"


@dataclass(frozen=True)
class Position:
    """A place within an epoch: it is the same place only if all of this is the same."""

    seed: int
    batch_size: int
    accumulate: int
    processes: int
    batch: int = 0
    """Batches of the epoch that are done; 0 at its end."""

    @classmethod
    def of(cls, spec: Spec) -> "Position":
        """The first of a training."""
        train, segment = spec.train, spec.dataset.segment
        return cls(train.seed, segment.batch_size, train.accumulate_grad_batches, count())


class Checkpoints(Callback):
    """Writes best.ckpt when an epoch is the best so far, last.ckpt every so many epochs or steps.

    Equal trainings write equal bytes: nothing in the files depends on place or time.
    """

    def __init__(
        self,
        module: SegmentationModule,
        paths: CheckpointPaths,
        spec: Spec,
        *,
        resume: "ResumePoint | None",
        best: float | None,
        average: WeightAverage | None = None,
    ) -> None:
        self._module = module
        self._average = average
        self._paths = paths
        self._record = resume.record if resume else ModelRecord.of(spec)
        self._position = Position.of(spec)
        self._interval = spec.train.checkpoint_interval
        self._in_steps = spec.train.checkpoint_interval_unit == "step"
        self._only_at_end = spec.train.checkpointer.replace_periodic
        self._best = best
        self._step = 0
        self._saved_epoch: int | None = None
        self._done_epoch: int | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the step that a resumed training goes on from."""
        self._step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write what is due within an epoch; its end is due with the epoch's metrics."""
        has_stepped, self._step = trainer.global_step != self._step, trainer.global_step
        if has_stepped and not trainer.is_last_batch and self._is_due_at(self._step, step=True):
            self._save_last(trainer, batch=batch_idx + 1)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write what is due. The best goes first: a kill in between then loses nothing."""
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
        """Write the last epoch, also when the training was stopped between intervals."""
        if self._done_epoch is not None and self._saved_epoch != self._done_epoch:
            self._save_last(trainer)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Put record and position into Lightning's checkpoint."""
        checkpoint[ENTRY] = self._record.to_dict()
        checkpoint[POSITION] = asdict(self._position)

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


def save_full(trainer: Trainer, path: Path, *, previous: Path | None = None) -> None:
    """Write a checkpoint to go on from, by all processes; what was there becomes `previous`."""
    if number() != 0:
        # Writes nothing, but Lightning waits here for all processes.
        trainer.save_checkpoint(path, weights_only=False)
        return
    with replacing(path) as part:
        trainer.save_checkpoint(part, weights_only=False)
        # A kill between the two renames leaves none called last; a resume looks for both.
        if previous and path.is_file():
            path.replace(previous)


def write_best(path: Path, state_dict: dict[str, Any], record: ModelRecord) -> None:
    """Write weights and record, without the optimiser's state."""
    with replacing(path) as part, writing(part) as file:
        # Given a file, not a name, torch puts no name inside.
        torch.save({"state_dict": dict(state_dict), ENTRY: record.to_dict()}, file)


@dataclass(frozen=True)
class ResumePoint:
    """A checkpoint that a training goes on from."""

    path: Path
    record: ModelRecord
    position: Position

    @classmethod
    def newest(
        cls, paths: CheckpointPaths, spec: Spec, *, warn: Callable[[str], None]
    ) -> "ResumePoint | None":
        """The checkpoint that the spec names, or else the newest of the folder; None without one.

        One that cannot be read is told to `warn` and skipped for the one before it. Raises
        `CheckpointError` where none can be read, or it is not one of this training.
        """
        named = spec.train.resume_training_checkpoint_path
        newest = Path(named) if named else paths.last
        if named and not newest.is_file():
            raise CheckpointError(
                f"train.resume_training_checkpoint_path: {named} is no file; give a last.ckpt or"
                " leave it empty"
            )
        torn: list[CheckpointError] = []
        for path in _before(newest) or ([] if named else _of_best_epochs(paths, spec)):
            try:
                content = load_torch(path)
            except CheckpointError as error:
                torn.append(error)
                continue
            for fault in torn:
                warn(f"skipped for {path.name}, the one before it: {fault}")
            return cls._of(content, path, spec)
        if torn:
            raise torn[0]
        return None

    @classmethod
    def read(cls, path: Path, spec: Spec) -> "ResumePoint":
        """The point of one file; raises `CheckpointError`."""
        return cls._of(load_torch(path), path, spec)

    @classmethod
    def _of(cls, content: dict[str, Any], path: Path, spec: Spec) -> "ResumePoint":
        _check_is_whole(content, path)
        record = ModelRecord.from_dict(content[ENTRY], source=path)
        position, asked = Position(**content[POSITION]), Position.of(spec)
        expected = ModelRecord.of(spec)
        _check_same(path, "model", record.model, expected.to_dict()["model"])
        what = "num_classes"
        _check_same(path, what, record.segment[what], expected.segment[what])
        _check_same(path, "train.ema.enable", TRAINED in content, spec.train.ema.enable)
        if position.batch:
            for what in ("seed", "batch_size", "accumulate", "processes"):
                _check_same(path, what, getattr(position, what), getattr(asked, what))
        return cls(path, record, position)

    def bring(self, paths: CheckpointPaths, *, warn: Callable[[str], None]) -> float | None:
        """Make the training's folder that of this checkpoint, and return the best value so far.

        A training that goes on from elsewhere takes over the best.ckpt beside its checkpoint, or,
        where there is none of that epoch or before, the weights that it goes on from.
        """
        if self.path.resolve() != paths.last.resolve():
            self._take_over(paths)
        if (best := _record_or_none(paths.best, warn)) is not None:
            return best.metrics[OBJECTIVE]
        if not self.record.metrics or self.position.batch:
            return None
        value = self.record.metrics[OBJECTIVE]
        record = self.record.after(self.record.epoch, self.record.metrics, best=value)
        write_best(paths.best, load_torch(self.path)["state_dict"], record)
        return value

    def _take_over(self, paths: CheckpointPaths) -> None:
        _copy(self.path, paths.last)
        beside = self.path.with_name(paths.best.name)
        if beside.resolve() == paths.best.resolve():
            return
        paths.previous.unlink(missing_ok=True)
        paths.best.unlink(missing_ok=True)
        if beside.is_file() and read_record(beside).epoch <= self.record.epoch:
            _copy(beside, paths.best)


def read_record(path: Path) -> ModelRecord:
    """The record in a checkpoint; raises `CheckpointError`."""
    return ModelRecord.from_dict(load_torch(path).get(ENTRY), source=path)


def _record_or_none(path: Path, warn: Callable[[str], None]) -> ModelRecord | None:
    """The record of a checkpoint that is there and whole."""
    if not path.is_file():
        return None
    try:
        return read_record(path)
    except CheckpointError as error:
        warn(f"left out: {error}")
        return None


def _before(newest: Path) -> list[Path]:
    """A checkpoint and the one before it, as far as they are there."""
    last = CheckpointPaths(Path()).last.name
    previous = newest.with_name(CheckpointPaths(Path()).previous.name)
    paths = [newest, previous] if newest.name == last else [newest]
    return [path for path in paths if path.is_file()]


def _of_best_epochs(paths: CheckpointPaths, spec: Spec) -> list[Path]:
    """The checkpoints of the best epochs, newest first: all there is if they replace last.ckpt."""
    settings = spec.train.checkpointer
    if not settings.enable_topk:
        return []
    folder = Path(settings.dirpath) if settings.dirpath else paths.best.parent
    found = [path for path in folder.glob("*.ckpt") if path != paths.best]
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)


def _copy(source: Path, target: Path) -> None:
    with replacing(target) as part:
        shutil.copyfile(source, part)


def _check_same(path: Path, what: str, own: object, asked: object) -> None:
    if own != asked:
        raise CheckpointError(
            f"{path}: was trained with {what} {own}, the spec says {asked};"
            " a training goes on with what it began with"
        )


def _check_is_whole(content: dict[str, Any], path: Path) -> None:
    if ENTRY not in content:
        raise CheckpointError(f"{path}: has no '{ENTRY}' entry, so it is no checkpoint of ours")
    if "optimizer_states" not in content or POSITION not in content:
        raise CheckpointError(
            f"{path}: holds weights only, no training can go on from it;"
            " to start from these weights give it as train.pretrained_model_path"
        )
