"""Logs a training to Weights & Biases."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import wandb
from pytorch_lightning import Callback, LightningModule, Trainer

from segformer.spec.sections.wandb import Wandb
from segformer.training.module import SegmentationModule


class WandbRun(Callback):
    """Opens a run with the spec's settings and logs each epoch's metrics.

    WANDB_MODE=offline keeps the run on this machine. `config` is shown with the run.
    """

    def __init__(
        self,
        module: SegmentationModule,
        folder: Path,
        settings: Wandb,
        config: Mapping[str, Any],
        *,
        init: Callable[..., Any] = wandb.init,
    ) -> None:
        self._module = module
        self._folder = folder
        self._settings = settings
        self._config = config
        self._init = init
        self._run: Any = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the run."""
        if not trainer.is_global_zero:
            return
        options = self._settings
        self._run = self._init(
            project=options.project,
            entity=options.entity or None,
            group=options.group or None,
            name=options.name or None,
            id=options.run_id or None,
            resume="allow" if options.run_id else None,
            tags=options.tags,
            reinit="finish_previous" if options.reinit else None,
            save_code=options.save_code,
            sync_tensorboard=options.sync_tensorboard,
            dir=str(self._folder),
            config=dict(self._config),
        )

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the epoch's metrics and learning rates."""
        if self._run is not None and self._module.metrics:
            values = self._module.metrics | self._module.learning_rates()
            self._run.log({"epoch": trainer.current_epoch + 1, **values})

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Close the run."""
        self._close(0)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Close the run as failed."""
        self._close(1)

    def _close(self, exit_code: int) -> None:
        if self._run is not None:
            self._run.finish(exit_code=exit_code)
            self._run = None
