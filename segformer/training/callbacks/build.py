"""The callbacks of a training, made from its spec."""

import importlib
from pathlib import Path
from types import ModuleType

from pytorch_lightning import Callback

from segformer.errors import SpecError
from segformer.model.saved import ModelRecord
from segformer.spec.spec import Spec
from segformer.training.callbacks.average import WeightAverage
from segformer.training.callbacks.checkpoint import CheckpointPaths, Checkpoints
from segformer.training.callbacks.top_checkpoints import TopCheckpoints
from segformer.training.module import SegmentationModule
from segformer.training.record import TrainingRecord
from segformer.training.shortening import Plan

_ADAPTERS = {
    "train.tensorboard.enabled": ("segformer.training.callbacks.tensorboard", "tensorboardX"),
    "wandb.enable": ("segformer.training.callbacks.wandb", "wandb"),
}
"""The module behind each switch, and the package that it needs."""


def build_callbacks(
    module: SegmentationModule,
    spec: Spec,
    paths: CheckpointPaths,
    *,
    record: ModelRecord,
    training: TrainingRecord,
    best: float | None,
) -> list[Callback]:
    """The callbacks that a spec asks for, in the order in which Lightning must call them.

    The order matters twice: the average includes a step before the checkpoint of that step is
    written, and `Checkpoints` updates the record of an epoch before `TopCheckpoints` saves it.

    Args:
        module: The network in training.
        spec: The settings.
        paths: Where the checkpoints go.
        record: Of the checkpoint that is resumed, or of the untrained model.
        training: The settings, for the checkpoints.
        best: The highest value of the objective so far.

    Raises `SpecError` if a package that the spec needs is not installed.
    """
    average = WeightAverage(spec.train.ema, Plan.of(spec.train)) if spec.train.ema.enable else None
    callbacks: list[Callback] = [average] if average else []
    callbacks.append(
        Checkpoints(
            module, paths, spec, record=record, training=training, best=best, average=average
        )
    )
    settings = spec.train.checkpointer
    if settings.enable_topk:
        folder = Path(settings.dirpath) if settings.dirpath else paths.best.parent
        metric = settings.monitor or spec.train.optim.monitor_name
        callbacks.append(TopCheckpoints(module, folder, settings, metric=metric))
    if spec.train.tensorboard.enabled:
        adapter = _adapter("train.tensorboard.enabled")
        callbacks.append(adapter.EventFiles(module, paths.folder, spec.train.tensorboard))
    if spec.wandb.enable:
        adapter = _adapter("wandb.enable")
        callbacks.append(adapter.WandbRun(module, paths.folder, spec.wandb, _config(spec)))
    return callbacks


def _adapter(switch: str) -> ModuleType:
    name, package = _ADAPTERS[switch]
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise SpecError(
            f"{switch}: true is not allowed: the package {package} is not installed;"
            f" pip install {package}, or set {switch}=false"
        ) from None


def _config(spec: Spec) -> dict[str, object]:
    """The settings that may leave this machine: no key, no path of data or results."""
    return {
        "model": spec.model.model_dump(exclude={"backbone": {"pretrained_backbone_path"}}),
        "dataset": spec.dataset.segment.model_dump(
            include={"img_size", "img_height", "img_width", "resize", "batch_size"}
        ),
        "optim": spec.train.optim.model_dump(),
        "loss": spec.train.segment.model_dump(),
        "augmentation": spec.dataset.segment.augmentation.model_dump(),
        "epochs": spec.train.num_epochs,
        "seed": spec.train.seed,
    }
