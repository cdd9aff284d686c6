"""The network in training, as Lightning wants it."""

import math

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor

from segformer.data.labels import class_names
from segformer.errors import DivergedError
from segformer.evaluation.metrics import Tally, pixel_loss, resize_logits
from segformer.model.segformer import SegFormer
from segformer.parallel.collective import count, number, summed
from segformer.spec import Spec
from segformer.training.isolation import seed_everything
from segformer.training.optim import build_optimizer, build_schedule

Batch = dict[str, Tensor]


class SegmentationModule(LightningModule):
    """Trains a network by cross-entropy and scores it on the validation split.

    `metrics` holds the numbers of the last epoch, empty while it has not been validated.
    """

    def __init__(self, network: SegFormer, spec: Spec, *, steps_per_epoch: int) -> None:
        super().__init__()
        self.model = network
        self.metrics: dict[str, float] = {}
        self._spec = spec
        self._steps_per_epoch = steps_per_epoch
        self._align_corners = spec.model.decode_head.align_corners
        self._class_names = class_names(spec.dataset.segment)
        self._loss_sum: Tensor | float = 0.0
        self._pixels: Tensor | int = 0
        self._start_tally()

    def on_train_epoch_start(self) -> None:
        """Start the epoch from generators that depend on seed and epoch alone.

        So a training that is resumed here goes on as if it had not been cut.
        """
        own = (number(),) if number() else ()
        seed_everything(self._spec.train.seed, self.current_epoch, *own)
        self.metrics = {}
        self._loss_sum, self._pixels = 0.0, 0

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Mean loss of the batch's pixels; raises `DivergedError` when it is no number."""
        mask = batch["mask"]
        logits = self.model(batch["image"])
        size = (mask.shape[1], mask.shape[2])
        logits = resize_logits(logits, size, align_corners=self._align_corners)
        total, pixels = pixel_loss(logits, mask)
        if not torch.isfinite(total):
            raise DivergedError(self._divergence("training"))
        self._loss_sum = self._loss_sum + total.detach().double()
        self._pixels = self._pixels + pixels
        # The mean over the pixels of all processes, whose gradients DDP averages.
        return total * count() / summed(pixels).clamp(min=1)

    def on_validation_epoch_start(self) -> None:
        """Start counting anew."""
        self._start_tally()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Add a batch to the scores."""
        self._tally.add(self.model(batch["image"]), batch["mask"])

    def on_validation_epoch_end(self) -> None:
        """Fill `metrics`; raises `DivergedError` when the loss is no number."""
        scores = self._tally.scores(what="the validation split")
        if not math.isfinite(scores.loss):
            raise DivergedError(self._divergence("validation"))
        pixels = summed(torch.as_tensor(self._pixels))
        train_loss = float(summed(torch.as_tensor(self._loss_sum))) / max(int(pixels), 1)
        self.metrics = {"train_loss": train_loss} | scores.metrics("val", self._class_names)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """The spec's optimiser and a schedule that moves with every step."""
        settings = self._spec.train.optim
        optimizer = build_optimizer(self.model, settings)
        schedule = build_schedule(
            optimizer,
            settings,
            num_epochs=self._spec.train.num_epochs,
            steps_per_epoch=self._steps_per_epoch,
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def _start_tally(self) -> None:
        num_classes = self._spec.dataset.segment.num_classes
        self._tally = Tally(num_classes, align_corners=self._align_corners)

    def _divergence(self, where: str) -> str:
        settings = self._spec.train.optim
        return (
            f"the {where} loss is no finite number in epoch {self.current_epoch + 1};"
            f" lower train.optim.lr ({settings.lr:g}, ten times that for the head)"
        )
