"""Reports the steps within an epoch."""

from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from segformer.storage.step_file import StepFile


class Steps(Callback):
    """Writes step, seconds a step and loss to progress.json while an epoch is trained.

    Then the batches that are validated. Whoever trains removes the file at the end.
    """

    def __init__(self, folder: Path) -> None:
        self._file = StepFile(folder, "training")
        self._validating = StepFile(folder, "validating")

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count from here; the first step may take long, as where the model is compiled."""
        self._file.begin()
        if trainer.is_global_zero:
            steps = int(trainer.num_training_batches)
            self._file.write(0, steps, epoch=trainer.current_epoch + 1)
            self._file.begin()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Write the step."""
        if trainer.is_global_zero:
            self._file.write(
                batch_idx + 1,
                int(trainer.num_training_batches),
                epoch=trainer.current_epoch + 1,
                loss=lambda: float(outputs["loss"]),
            )

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count from here."""
        self._validating.begin()

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Write the batch."""
        if trainer.is_global_zero:
            batches = int(sum(trainer.num_val_batches))
            self._validating.write(batch_idx + 1, batches, epoch=trainer.current_epoch + 1)
