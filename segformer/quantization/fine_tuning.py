"""Quantization-aware fine-tuning: a checkpoint is trained on, computed as its int8 graph is."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from pytorch_lightning import Callback, LightningModule, Trainer

from segformer.model.saved import ModelRecord, SavedModel, read_model, write_safetensors
from segformer.model.segformer import SegFormer
from segformer.quantization.simulation import Roundings, simulate
from segformer.spec.sections.model import Model
from segformer.spec.sections.train import Checkpointer, Ema, Tensorboard, Train
from segformer.spec.sections.wandb import Wandb
from segformer.spec.spec import Spec
from segformer.storage.scratch import scratch
from segformer.training.loop import train
from segformer.training.module import SegmentationModule

LR_SHARE = 0.01
"""Share of the training's learning rate: the weights only move to what 8 bits can say."""


class Simulated(Callback):
    """Has a network round as an int8 graph does, without dropout and with fixed norms."""

    def __init__(self, roundings: Roundings) -> None:
        self._roundings = roundings
        self.missing = 0
        """Products of the graph that cannot be simulated."""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the roundings in."""
        self.missing = simulate(_network_in(pl_module), self._roundings)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the network as it is deployed; Lightning has it train after each validation."""
        _network_in(pl_module).eval()


def _network_in(module: LightningModule) -> SegFormer:
    return cast(SegmentationModule, module).model


def write_fine_tuned(spec: Spec, source: Path, roundings: Roundings, target: Path) -> int:
    """Fine-tune a checkpoint for `quantize.qat_epochs` and write it as safetensors.

    The epoch whose simulated mIoU on the validation split is best is taken. Returns how many of the
    graph's products could not be simulated. Raises as `train` does.
    """
    saved = read_model(source, otherwise=ModelRecord.of(spec))
    simulated = Simulated(roundings)
    with scratch() as folder:
        best = train(_training_of(spec, saved), folder, callbacks=[simulated]).artifacts["best"]
        weights = read_model(best, otherwise=saved.record).weights
    record = saved.record.after(saved.record.epoch + spec.quantize.qat_epochs, {}, best=None)
    write_safetensors(target, replace(saved, weights=weights).build(), record)
    return simulated.missing


def _training_of(spec: Spec, saved: SavedModel) -> Spec:
    """Return the spec of the fine-tuning: that of the training, but shorter and slower."""
    segment = saved.record.applied_to(spec.dataset.segment)
    parts: dict[str, Any] = {
        "dataset": spec.dataset.model_copy(update={"segment": segment}),
        "model": Model.model_validate(saved.record.model),
        "train": _settings_of(spec.train, spec.quantize.qat_epochs, saved.source),
        "wandb": Wandb(),
    }
    return spec.model_copy(update=parts)


def _settings_of(train: Train, epochs: int, source: Path) -> Train:
    """Return the settings of one process from a checkpoint, without what a long training needs."""
    slower = {"lr": LR_SHARE * train.optim.lr, "encoder_delay_share": 0.0}
    changes: dict[str, Any] = {
        "num_epochs": epochs,
        "shortened": [],
        "pretrained_model_path": str(source),
        "resume_training_checkpoint_path": "",
        "optim": train.optim.model_copy(update=slower),
        "seed": max(train.seed, 0),
        "ema": Ema(),
        "compile": False,
        "validation_interval": 1,
        "checkpoint_interval": 1,
        "checkpoint_interval_unit": "epoch",
        "checkpointer": Checkpointer(),
        "tensorboard": Tensorboard(),
        "num_gpus": 1,
        "gpu_ids": train.gpu_ids[:1],
        "num_nodes": 1,
        "force": False,
    }
    return train.model_copy(update=changes)
