"""Full checkpoints of the best epochs by a metric, besides best and last."""

import re
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from segformer.parallel.collective import from_first, number
from segformer.spec.sections.train import Checkpointer, direction_of
from segformer.training.callbacks.checkpoint import save_full
from segformer.training.module import SegmentationModule


class TopCheckpoints(Callback):
    """Keeps the checkpoints of the `save_top_k` best validated epochs; the earlier wins a tie.

    Epochs are counted from 1. Each checkpoint lists the files that are kept, for a resume.
    """

    def __init__(
        self, module: SegmentationModule, folder: Path, settings: Checkpointer, *, metric: str
    ) -> None:
        self._module = module
        self._folder = folder
        self._settings = settings
        self._metric = metric
        self._kept: dict[str, float] = {}
        self._due: str | None = None
        self._dropped: set[str] = set()

    def state_dict(self) -> dict[str, Any]:
        """The names of the files that are kept, with their metric."""
        return {"kept": dict(self._kept)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the list, without files that were removed."""
        kept = state_dict["kept"].items()
        self._kept = {name: value for name, value in kept if (self._folder / name).is_file()}

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Rank the epoch before last.ckpt is written, which contains the list."""
        metrics = self._module.metrics
        name = self._name(trainer.current_epoch + 1, trainer.global_step, metrics)
        ranked = sorted(
            [*self._kept.items(), (name, metrics[self._metric])],
            key=lambda entry: entry[1],
            reverse=direction_of(self._metric) == "max",
        )
        # All processes must agree on what is due; only the first is sure to see the files.
        kept: dict[str, float] = from_first(dict(ranked[: self._settings.save_top_k]))
        self._dropped, self._kept = set(self._kept) - set(kept), kept
        self._due = name if name in kept else None

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the epoch if it is among the best, and remove the one that it displaces."""
        if self._due:
            save_full(trainer, self._folder / self._due)
        for name in self._dropped if number() == 0 else ():
            (self._folder / name).unlink(missing_ok=True)
        self._due, self._dropped = None, set()

    def _name(self, epoch: int, step: int, metrics: dict[str, float]) -> str:
        pattern = self._settings.filename
        if self._settings.auto_insert_metric_name:
            pattern = re.sub(r"\{(\w+)", r"\1={\1", pattern)
        return pattern.format(epoch=epoch, step=step, **metrics) + ".ckpt"
