"""The network in training, as a Lightning module."""

import math
from typing import Any

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor

from segformer.data.class_counts import Counts
from segformer.data.labels import IGNORED, class_names
from segformer.errors import DivergedError
from segformer.evaluation.metrics import Tally, resize_logits
from segformer.evaluation.scoring import scored
from segformer.evaluation.segmenter import Segmenter
from segformer.model.segformer import SegFormer
from segformer.parallel.collective import count, number, summed
from segformer.spec.spec import Spec
from segformer.training.compiling import compile_network
from segformer.training.isolation import seed_everything
from segformer.training.losses import build_loss
from segformer.training.optim import build_optimizer, build_schedule, rates_of
from segformer.training.shortening import Plan

Batch = dict[str, Tensor]
_SUMS = "sums_of_the_epoch"
CHECK_EVERY = {"cpu": 1}
CHECK_EVERY_ELSEWHERE = 20
"""Steps between looks at the loss, by kind of device: one waits until the device is done."""


class SegmentationModule(LightningModule):
    """Trains a network with the spec's loss and scores it on the validation split.

    `metrics` holds the metrics of the present epoch, and is empty until it has been validated. The
    validation loss is the cross-entropy whatever the training loss, so that trainings compare.
    """

    def __init__(
        self,
        network: SegFormer,
        spec: Spec,
        *,
        batches_per_epoch: int,
        counts: Counts | None = None,
    ) -> None:
        super().__init__()
        self.model = network
        self._format = torch.channels_last if spec.train.channels_last else torch.preserve_format
        network.to(memory_format=self._format)  # type: ignore[call-overload]
        if spec.train.compile:
            compile_network(network)
        self.metrics: dict[str, float] = {}
        self._spec = spec
        self._batches_per_epoch = batches_per_epoch
        self._loss = build_loss(
            spec.train.segment, num_classes=spec.dataset.segment.num_classes, counts=counts
        )
        self._align_corners = spec.model.decode_head.align_corners
        self._class_names = class_names(spec.dataset.segment)
        self._segmenter = Segmenter(
            self._logits,
            spec.dataset.segment,
            self._align_corners,
            spec.dataset.segment.batch_size,
        )
        self._loss_sum: Tensor | float = 0.0
        self._pixels: Tensor | float = 0.0
        self._start_tally()

    def on_train_epoch_start(self) -> None:
        """Reset the sums of the epoch."""
        self.metrics = {}
        self._loss_sum, self._pixels = 0.0, 0.0

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Seed the generators from seed, process, epoch and batch alone.

        So a training that resumes here draws the same numbers as an uninterrupted one.
        """
        seed_everything(self._spec.train.seed, number(), self.current_epoch, batch_idx)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of a batch; raises `DivergedError` if it, or one of the last, is not finite."""
        mask = batch["mask"]
        # Mixed precision gives logits in half precision, too coarse for sums over pixels.
        logits = self.model(batch["image"].to(memory_format=self._format)).float()
        size = (mask.shape[1], mask.shape[2])
        logits = resize_logits(logits, size, align_corners=self._align_corners)
        loss = self._loss(logits, mask)
        # cross_entropy returns the share of this process in the mean over all pixels; times the
        # mean number of pixels, its sum over the processes is the exact sum over pixels.
        pixels = summed((mask != IGNORED).sum()).double() / count()
        self._loss_sum = self._loss_sum + loss.detach().double() * pixels
        self._pixels = self._pixels + pixels
        every = CHECK_EVERY.get(self.device.type, CHECK_EVERY_ELSEWHERE)
        if batch_idx % every == 0 or batch_idx + 1 == self._batches_per_epoch:
            self._check_losses()
        return loss * self._accumulation_factor(batch_idx)

    def _check_losses(self) -> None:
        # A sum that is not finite stays so, whatever is added.
        if not math.isfinite(self._loss_sum):
            raise DivergedError(self._divergence("training"))

    def learning_rates(self) -> dict[str, float]:
        """The present learning rates: lr_head, and lr_backbone unless the encoder is frozen."""
        return rates_of(self.trainer.optimizers[0].param_groups)

    def _accumulation_factor(self, batch_idx: int) -> float:
        """Correct the mean over the last batches of an epoch if they do not fill an accumulation.

        Lightning divides by the number of batches of a full accumulation.
        """
        full = self._spec.train.accumulate_grad_batches
        first = batch_idx - batch_idx % full
        return full / min(full, self._batches_per_epoch - first)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the sums of the epoch so far over all processes; raises `DivergedError`."""
        self._check_losses()
        sums = torch.tensor([float(self._loss_sum), float(self._pixels)], dtype=torch.float64)
        checkpoint[_SUMS] = summed(sums).tolist()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the sums, on the first process only since they are those of all."""
        if number() == 0:
            self._loss_sum, self._pixels = checkpoint[_SUMS]

    def on_validation_epoch_start(self) -> None:
        """Reset the confusion matrix."""
        self._start_tally()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Add a batch to the scores."""
        scored(self._segmenter, self._tally, batch)

    def _logits(self, images: Tensor) -> Tensor:
        prepared = images.to(self.device).to(memory_format=self._format)
        logits: Tensor = self.model(prepared).float()
        return logits

    def on_validation_epoch_end(self) -> None:
        """Fill `metrics`; raises `DivergedError` if the loss is NaN or infinite."""
        scores = self._tally.scores(what="the validation split")
        if not math.isfinite(scores.loss):
            raise DivergedError(self._divergence("validation"))
        pixels = float(summed(torch.as_tensor(self._pixels)))
        train_loss = float(summed(torch.as_tensor(self._loss_sum))) / max(pixels, 1.0)
        self.metrics = {"train_loss": train_loss} | scores.metrics("val", self._class_names)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """The spec's optimiser, and a schedule that advances with every step."""
        settings = self._spec.train.optim
        optimizer = build_optimizer(self.model, settings)
        schedule = build_schedule(
            optimizer,
            settings,
            plan=Plan.of(self._spec.train),
            steps_per_epoch=-(-self._batches_per_epoch // self._spec.train.accumulate_grad_batches),
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
            f"the {where} loss became NaN or infinite in epoch {self.current_epoch + 1};"
            f" lower train.optim.lr ({settings.lr:g}, {settings.head_lr_ratio:g} times that for the"
            " head)"
        )
