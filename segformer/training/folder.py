"""The results folder of a training: free, resumable with the same settings, or refused."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segformer.errors import DataError, SpecError
from segformer.spec import Spec
from segformer.storage.records import SPEC_FILE, STATUS_FILE
from segformer.training.callbacks.checkpoint import CheckpointPaths
from segformer.training.record import FILE, TrainingRecord

_REPLACED = ("checkpoints", "tensorboard", FILE, SPEC_FILE, STATUS_FILE, "log.txt")
"""The files and folders of a training that `train.force` replaces."""

_ASIDE = ".replaced"
"""The folder within the results for a training that is being replaced."""


def check_folder(spec: Spec, folder: Path) -> bool:
    """Check that a training may use a folder; return whether one with these settings is finished.

    Raises `SpecError`, naming every setting that differs, if the folder holds a training with
    others, and `DataError` if the data alone differs. Checkpoints without a record are accepted: a
    search copies them into the folder of a new trial, to continue a training with settings of its
    own.
    """
    earlier = TrainingRecord.read(folder) if CheckpointPaths(folder).holds_training else None
    if earlier is None:
        return False
    asked = TrainingRecord.of(spec)
    differences = earlier.differences(asked)
    if len(differences) == 1 and earlier.data != asked.data:
        raise DataError(
            f"{folder}: its training began with other data: {earlier.data}, now {asked.data}; give "
            "another train.results_dir, or replace the training with train.force=true"
        )
    if differences:
        raise SpecError(
            [
                f"{folder}: holds a training with other settings, so this one cannot resume it;"
                " give another train.results_dir, or replace it with train.force=true",
                *differences,
            ]
        )
    return earlier.is_finished and asked.epochs == earlier.epochs


@contextmanager
def replacing_training(spec: Spec, folder: Path) -> Iterator[None]:
    """Replace an earlier training: move it aside, and remove it once this one has a checkpoint.

    If this one ends without a checkpoint, the earlier training is put back. Raises `SpecError`, and
    moves nothing, if the spec reads a file that would be removed.
    """
    _check_inputs_outlive(spec, folder)
    aside = folder / _ASIDE
    for name in _REPLACED:
        if (folder / name).exists():
            aside.mkdir(exist_ok=True)
            (folder / name).rename(aside / name)
    try:
        yield
    except BaseException:
        if aside.exists() and not CheckpointPaths(folder).holds_training:
            for name in _REPLACED:
                _remove(folder / name)
        raise
    finally:
        settle(folder)


def settle(folder: Path) -> None:
    """Put a training that was moved aside back, or remove it if another has taken its place.

    A training that was killed leaves this to the next one.
    """
    aside = folder / _ASIDE
    if not aside.is_dir():
        return
    if not CheckpointPaths(folder).holds_training:
        # Checkpoints last: if this is cut short too, the next call continues it.
        for name in reversed(_REPLACED):
            if (aside / name).exists():
                _remove(folder / name)
                (aside / name).rename(folder / name)
    shutil.rmtree(aside)


def _check_inputs_outlive(spec: Spec, folder: Path) -> None:
    inputs = {
        "train.resume_training_checkpoint_path": spec.train.resume_training_checkpoint_path,
        "train.pretrained_model_path": spec.train.pretrained_model_path,
        "model.backbone.pretrained_backbone_path": spec.model.backbone.pretrained_backbone_path,
    }
    replaced = [(folder / name).resolve() for name in _REPLACED]
    faults = [
        f"train.force: true is not allowed: it would remove {path}, which is {key};"
        " give another train.results_dir"
        for key, path in inputs.items()
        if path and any(Path(path).resolve().is_relative_to(other) for other in replaced)
    ]
    if faults:
        raise SpecError(faults)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
