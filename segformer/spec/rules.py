"""Rules that tie sections of the spec together; each section alone is valid already."""

from collections.abc import Iterator

from segformer.spec.backbones import size_fault
from segformer.spec.sections.dataset import Dataset, DatasetSegment
from segformer.spec.sections.model import Model, channels_fault
from segformer.spec.sections.prediction import OF_WINDOWS
from segformer.spec.sections.train import Train, direction_of
from segformer.spec.sections.wandb import Wandb


def broken_rules(dataset: Dataset, model: Model, train: Train, wandb: Wandb) -> Iterator[str]:
    """Yield one line for each rule that is broken."""
    faults = (
        channels_fault(model),
        *_size_faults(dataset.segment, model.backbone.type),
        *prediction_faults(dataset.segment),
        *_scaling_faults(dataset.segment),
        _frozen_fault(train, model),
        _weights_fault(train, dataset.segment.num_classes),
        _monitor_fault(train),
        _tensorboard_fault(train, wandb),
    )
    yield from (fault for fault in faults if fault)


def _frozen_fault(train: Train, model: Model) -> str | None:
    """A rate of an encoder that does not learn."""
    neutral = {"layer_decay": 1.0, "encoder_delay_share": 0.0}
    for name, default in neutral.items():
        value = getattr(train.optim, name)
        if model.backbone.freeze_backbone and value != default:
            return (
                f"train.optim.{name}: {value:g} is not allowed: has an effect only with"
                " model.backbone.freeze_backbone=false"
            )
    return None


def _size_faults(segment: DatasetSegment, backbone: str) -> Iterator[str | None]:
    names = ("img_height", "img_width")
    sides = {name: getattr(segment, name) for name in names}
    if None in sides.values():  # Else it has no effect.
        sides = {"img_size": segment.img_size, **sides}
    for name, side in sides.items():
        if side is not None:
            yield size_fault(f"dataset.segment.{name}", side, backbone)


def prediction_faults(segment: DatasetSegment) -> Iterator[str]:
    """Yield the faults of settings of the prediction that make no sense together."""
    if segment.prediction.mode != "whole":
        return
    for name in OF_WINDOWS:
        if name in (changed := segment.prediction.changed()):
            yield (
                f"dataset.segment.prediction.{name}: {changed[name]} is not allowed: it has no"
                " effect with prediction.mode=whole; leave it out or set mode=slide"
            )
    if segment.resize == "crop":
        yield (
            "dataset.segment.prediction.mode: 'whole' is not allowed with resize=crop: a model of"
            " crops has seen no whole picture; set mode=slide, or resize=squash or pad"
        )


def _scaling_faults(segment: DatasetSegment) -> Iterator[str]:
    for name in ("mean", "std"):
        numbers = getattr(segment.augmentation, name)
        if len(numbers) != segment.channels:
            yield (
                f"dataset.segment.augmentation.{name}: {numbers} is not allowed: has {len(numbers)}"
                f" entries, but the images have {segment.channels} bands; give one for each"
            )


def _weights_fault(train: Train, classes: int) -> str | None:
    weights = train.segment.weights
    if not weights or len(weights) == classes:
        return None
    return (
        f"train.segment.weights: {weights} is not allowed: has {len(weights)} entries, but"
        f" dataset.segment.num_classes is {classes}; give one for each class, or [] for equal"
        " weights"
    )


def _monitor_fault(train: Train) -> str | None:
    topk, name = train.checkpointer, train.optim.monitor_name
    metric = topk.monitor or name
    mode = direction_of(metric)
    if topk.enable_topk and topk.mode not in ("", mode):
        return (
            f"train.checkpointer.mode: '{topk.mode}' is not allowed: the best {metric} is the"
            f" {mode}; set train.checkpointer.mode={mode} or another train.checkpointer.monitor"
        )
    # best.ckpt is chosen by val_miou in any case.
    if name not in ("val_loss", "val_miou") and (topk.monitor or not topk.enable_topk):
        return (
            f"train.optim.monitor_name: '{name}' is not allowed: has an effect only with"
            " train.checkpointer.enable_topk=true and an empty train.checkpointer.monitor"
        )
    return None


def _tensorboard_fault(train: Train, wandb: Wandb) -> str | None:
    if not wandb.sync_tensorboard or train.tensorboard.enabled:
        return None
    return (
        "wandb.sync_tensorboard: true is not allowed: has an effect only with"
        " train.tensorboard.enabled=true"
    )
