"""The checkpoint from which a training resumes, and the folder prepared for it."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segformer.errors import CheckpointError
from segformer.model.saved import ENTRY, ModelRecord, load_torch
from segformer.spec.spec import Spec
from segformer.storage.atomic import replacing
from segformer.training.callbacks.average import TRAINED
from segformer.training.callbacks.checkpoint import (
    OBJECTIVE,
    POSITION,
    TRAINING,
    CheckpointPaths,
    Position,
    write_best,
)
from segformer.training.checkpoint_io import CheckpointFiles
from segformer.training.optim import rates_of
from segformer.training.record import TrainingRecord


@dataclass(frozen=True)
class ResumePoint:
    """A checkpoint from which a training resumes."""

    path: Path
    record: ModelRecord
    position: Position
    rates: Mapping[str, float]
    """The learning rates that the last epoch ended with; empty within an epoch."""

    @classmethod
    def newest(
        cls,
        paths: CheckpointPaths,
        spec: Spec,
        files: CheckpointFiles,
        *,
        warn: Callable[[str], None],
    ) -> "ResumePoint | None":
        """The checkpoint that the spec names, or else the newest of the folder; None without one.

        A file that cannot be read is reported to `warn` and skipped for the one before it. Raises
        `CheckpointError` if none can be read, or if it does not belong to this training.
        """
        named = spec.train.resume_training_checkpoint_path
        newest = Path(named) if named else paths.last
        if named and not newest.is_file():
            raise CheckpointError(
                f"train.resume_training_checkpoint_path: {named} is not a file; give a last.ckpt or"
                " leave it empty"
            )
        torn: list[CheckpointError] = []
        for path in _with_previous(newest) or ([] if named else _of_best_epochs(paths, spec)):
            try:
                content = files.read_ahead(path)
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
    def read(cls, path: Path, spec: Spec, files: CheckpointFiles) -> "ResumePoint":
        """The point of one file, whose content `files` keeps for Lightning.

        Raises `CheckpointError`.
        """
        return cls._of(files.read_ahead(path), path, spec)

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
        if spec.train.resume_training_checkpoint_path:
            _check_settings(path, content, spec)
        if position.batch:
            # Within an epoch the rest of its batches must be those that were left over.
            for what in ("seed", "batch_size", "accumulate", "processes"):
                _check_same(path, what, getattr(position, what), getattr(asked, what))
        groups = [] if position.batch else content["optimizer_states"][0]["param_groups"]
        return cls(path, record, position, rates_of(groups))

    def prepare(
        self, paths: CheckpointPaths, files: CheckpointFiles, *, warn: Callable[[str], None]
    ) -> float | None:
        """Bring this checkpoint into the training's folder; return the best value so far.

        A training that resumes from elsewhere takes over the best.ckpt next to its checkpoint. If
        there is none of that epoch or an earlier one, the checkpoint's own weights become the best.
        """
        if self.path.resolve() != paths.last.resolve():
            self._take_over(paths)
        if (best := _record_or_none(paths.best, warn)) is not None:
            return best.metrics[OBJECTIVE]
        if not self.record.metrics or self.position.batch:
            return None
        value = self.record.metrics[OBJECTIVE]
        record = self.record.after(self.record.epoch, self.record.metrics, best=value)
        write_best(paths.best, files.read_ahead(self.path)["state_dict"], record)
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
    """The record of a checkpoint, or None if it is missing or torn."""
    if not path.is_file():
        return None
    try:
        return read_record(path)
    except CheckpointError as error:
        warn(f"left out: {error}")
        return None


def _with_previous(newest: Path) -> list[Path]:
    """A checkpoint and the one before it, as far as they exist."""
    last = CheckpointPaths(Path()).last.name
    previous = newest.with_name(CheckpointPaths(Path()).previous.name)
    paths = [newest, previous] if newest.name == last else [newest]
    return [path for path in paths if path.is_file()]


def _of_best_epochs(paths: CheckpointPaths, spec: Spec) -> list[Path]:
    """The checkpoints of the best epochs, newest first; with replace_periodic there is no other."""
    settings = spec.train.checkpointer
    if not settings.enable_topk:
        return []
    folder = Path(settings.dirpath) if settings.dirpath else paths.best.parent
    checkpoints = [path for path in folder.glob("*.ckpt") if path != paths.best]
    return sorted(checkpoints, key=lambda path: path.stat().st_mtime, reverse=True)


def _copy(source: Path, target: Path) -> None:
    with replacing(target) as part:
        shutil.copyfile(source, part)


def _check_same(path: Path, what: str, own: object, asked: object) -> None:
    if own != asked:
        raise CheckpointError(
            f"{path}: was trained with {what} {own}, the spec says {asked};"
            " a training resumes with the settings that it began with"
        )


def _check_settings(path: Path, content: dict[str, Any], spec: Spec) -> None:
    """Refuse a checkpoint named in the spec if it was trained with other settings.

    One that lies in the folder is not checked here: `check_folder` has done it, or a search has put
    it there, to continue the training with settings of its own.
    """
    if TRAINING not in content:
        return
    earlier = TrainingRecord.from_dict(content[TRAINING])
    if differences := earlier.differences(TrainingRecord.of(spec)):
        raise CheckpointError(
            [
                f"train.resume_training_checkpoint_path: {path} was trained with other settings; to"
                " start a new training from its weights, give it as train.pretrained_model_path",
                *differences,
            ]
        )


def _check_is_whole(content: dict[str, Any], path: Path) -> None:
    if ENTRY not in content:
        raise CheckpointError(f"{path}: has no '{ENTRY}' entry, so it is not a checkpoint of ours")
    if "optimizer_states" not in content or POSITION not in content:
        raise CheckpointError(
            f"{path}: holds weights only, no training can resume from it;"
            " to start from these weights give it as train.pretrained_model_path"
        )
