"""The results folder of a training: free, resumable with the same settings, or refused."""

import shutil
from pathlib import Path

from segformer.errors import SpecError
from segformer.spec import Spec
from segformer.training.callbacks.checkpoint import CheckpointPaths
from segformer.training.record import FILE, TrainingRecord

_REMOVED = ("checkpoints", "tensorboard", FILE, "experiment.yaml", "status.json", "log.txt")
"""The files and folders of a training that `train.force` replaces."""


def check_folder(spec: Spec, folder: Path) -> bool:
    """Check that a training may use a folder; return whether one with these settings is finished.

    Raises `SpecError`, naming every setting that differs, if the folder holds a training with
    others. Checkpoints without a record are accepted: a search copies them into the folder of a new
    trial, to continue a training with settings of its own.
    """
    earlier = TrainingRecord.read(folder) if CheckpointPaths(folder).holds_training else None
    if earlier is None:
        return False
    asked = TrainingRecord.of(spec)
    if differences := earlier.differences(asked):
        raise SpecError(
            [
                f"{folder}: holds a training with other settings, so this one cannot resume it;"
                " give another train.results_dir, or replace it with train.force=true",
                *differences,
            ]
        )
    return earlier.is_finished and asked.epochs == earlier.epochs


def remove_training(spec: Spec, folder: Path) -> None:
    """Remove an earlier training; raises `SpecError` if the spec resumes from it."""
    named = spec.train.resume_training_checkpoint_path
    if named and Path(named).resolve().is_relative_to(folder.resolve()):
        raise SpecError(
            f"train.force: true is not allowed: it would remove {named}, which is"
            " train.resume_training_checkpoint_path; give another train.results_dir"
        )
    for name in _REMOVED:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
