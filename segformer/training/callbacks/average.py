"""The moving average of the weights, which is validated and saved in place of the weights."""

from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from segformer.spec.sections.train import Ema
from segformer.training.shortening import Plan

TRAINED = "trained_state_dict"
"""Entry of a checkpoint for the weights in training, if its state_dict holds the average."""


class WeightAverage(Callback):
    """Updates average = k average + (1 - k) weights after every step of the optimiser.

    k is the spec's decay, or 1 - 1 / n for a horizon of n steps; or (1 + steps) / (10 + steps) if
    that is less, so that the random initial weights soon lose their influence. Running statistics
    of norms are averaged too; integers, such as the number of batches a norm has seen, are copied.
    The module holds the average while it is validated.
    """

    def __init__(self, settings: Ema, plan: Plan) -> None:
        self._settings = settings
        self._plan = plan
        self._decay = settings.decay
        self._average: dict[str, Tensor] = {}
        self._trained: dict[str, Tensor] = {}
        self._step = 0

    def state_dict_of(self, module: LightningModule) -> dict[str, Tensor]:
        """The averaged weights, under the names of the module's."""
        return self._average or module.state_dict()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start from the present weights, unless a checkpoint brought an average."""
        self._step = trainer.global_step
        self._set_decay(trainer)
        if not self._average:
            self._average = _copy(pl_module.state_dict())

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Follow the plan, which may have been shortened here."""
        self._set_decay(trainer)

    def _set_decay(self, trainer: Trainer) -> None:
        if share := self._settings.horizon_share:
            per_epoch = trainer.estimated_stepping_batches / (trainer.max_epochs or 1)
            steps = self._plan.epochs * per_epoch / self._plan.speed(trainer.current_epoch)
            self._decay = 1 - 1 / max(1.0, share * steps)

    @torch.no_grad()
    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Add the weights after a step; a batch that only accumulates makes none."""
        if trainer.global_step == self._step:
            return
        self._step = trainer.global_step
        kept = min(self._decay, (1 + self._step) / (10 + self._step))
        for name, value in pl_module.state_dict().items():
            if value.is_floating_point():
                self._average[name].lerp_(value, 1 - kept)
            else:
                self._average[name].copy_(value)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the average into the module."""
        self._trained = _copy(pl_module.state_dict())
        pl_module.load_state_dict(self._average)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Restore the weights in training."""
        pl_module.load_state_dict(self._trained)
        self._trained = {}

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Save both; the average as the model's weights."""
        checkpoint[TRAINED] = checkpoint["state_dict"]
        checkpoint["state_dict"] = _copy(self._average)

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Restore both."""
        self._average = _copy(checkpoint["state_dict"], like=pl_module.state_dict())
        pl_module.load_state_dict(checkpoint[TRAINED])


def _copy(
    weights: dict[str, Tensor], *, like: dict[str, Tensor] | None = None
) -> dict[str, Tensor]:
    return {
        name: value.detach().clone().to(like[name].device if like else value.device)
        for name, value in weights.items()
    }
