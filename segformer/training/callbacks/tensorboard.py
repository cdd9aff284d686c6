"""Event files for TensorBoard."""

from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from tensorboardX import SummaryWriter

from segformer.spec.sections.train import Tensorboard
from segformer.training.module import SegmentationModule

FOLDER = "tensorboard"
"""The subfolder of the results for event files."""


class EventFiles(Callback):
    """Writes losses and learning rates by step, metrics by epoch, and histograms of the weights."""

    def __init__(self, module: SegmentationModule, folder: Path, settings: Tensorboard) -> None:
        self._module = module
        self._folder = folder / FOLDER
        self._every = settings.infrequent_logging_frequency
        self._writer: SummaryWriter | None = None
        self._step = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open a file; TensorBoard hides the steps of earlier files beyond the present one."""
        if trainer.is_global_zero:
            self._step = trainer.global_step
            self._writer = SummaryWriter(str(self._folder), purge_step=self._step + 1)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *_: Any
    ) -> None:
        """Write loss and learning rates of a step of the optimiser."""
        if self._writer is None or trainer.global_step == self._step:
            return
        self._step = trainer.global_step
        for name, value in {
            "loss": float(outputs["loss"]),
            **self._module.learning_rates(),
        }.items():
            self._writer.add_scalar(f"step/{name}", value, self._step)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the epoch's metrics and, if they are due, histograms."""
        if self._writer is None:
            return
        for name, value in self._module.metrics.items():
            self._writer.add_scalar(name, value, self._step)
        if self._every and (trainer.current_epoch + 1) % self._every == 0:
            for name, parameter in self._module.model.named_parameters():
                self._writer.add_histogram(name, parameter.detach().cpu().numpy(), self._step)
        self._writer.flush()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Close the file."""
        self._close()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Close the file."""
        self._close()

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
