"""How a running training reports: to status.json, log.txt and the caller."""

import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from lightning_fabric.utilities.warnings import PossibleUserWarning
from pytorch_lightning import Callback, LightningModule, Trainer

from segformer.action import StatusFile
from segformer.parallel.collective import from_first, number
from segformer.result import Report
from segformer.training.module import SegmentationModule

_LOGGERS = ("segformer", "pytorch_lightning", "lightning_fabric", "transformers", "py.warnings")


class EpochReport(Callback):
    """After each validated epoch: a status line, then the caller's report, which may stop it.

    The caller always gets the learning rates; the status has them only where a user asked for them.
    """

    def __init__(
        self,
        module: SegmentationModule,
        status: StatusFile,
        report: Report | None,
        *,
        with_learning_rates: bool,
    ) -> None:
        self._module = module
        self._with_learning_rates = with_learning_rates
        self._status = status
        self._report = report
        self._started_s = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the time; a resume within an epoch does not pass its start."""
        self._started_s = time.monotonic()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the time."""
        self._started_s = time.monotonic()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report the epoch; stop the training if the answer is not "continue"."""
        metrics, epoch = self._module.metrics, trainer.current_epoch + 1
        last = trainer.max_epochs or epoch
        if not metrics:
            return
        seconds, steps = time.monotonic() - self._started_s, trainer.num_training_batches
        progress = {
            "epoch": epoch,
            "max_epoch": last,
            "step": epoch * int(steps),
            "max_step": last * int(steps),
            "time_per_epoch": round(seconds, 3),
            "time_per_step": round(seconds / steps, 4),
            "eta": round(seconds * (last - epoch), 1),
        }
        all_metrics = metrics | self._module.learning_rates()
        if number() == 0:
            message = f"epoch {epoch} of {last}"
            kpi = all_metrics if self._with_learning_rates else metrics
            self._status.write("RUNNING", message, kpi=kpi, progress=progress)
        if not is_to_continue(self._report, epoch, all_metrics):
            trainer.should_stop = True


def is_to_continue(report: Report | None, epoch: int, metrics: dict[str, float]) -> bool:
    """Report an epoch and return whether the training continues after it.

    Of several processes the first reports, and its answer holds for all.
    """
    answer = from_first(report(epoch, dict(metrics)) if report and number() == 0 else "continue")
    if answer not in ("continue", "pause", "stop"):
        raise ValueError(f"report answered {answer!r}; it must be continue, pause or stop")
    return answer == "continue"


@contextmanager
def log_file(path: Path) -> Iterator[None]:
    """Send the logs of Lightning, transformers and this package, and warnings, to a file only.

    Restores loggers and warning filters on leaving.
    """
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(each.handlers, each.propagate, each.level) for each in loggers]
    try:
        for each in loggers:
            each.handlers, each.propagate = [handler], False
            each.setLevel(logging.INFO)
        with warnings.catch_warnings():
            # Advice on settings that the user chose, such as the number of workers.
            warnings.simplefilter("ignore", PossibleUserWarning)
            # Lightning 2.6 calls a function that torch 2.13 deprecates.
            warnings.filterwarnings("ignore", r".*LeafSpec", FutureWarning)
            warnings.showwarning = _log_warning
            yield
    finally:
        for each, (handlers, propagate, level) in zip(loggers, before, strict=True):
            each.handlers, each.propagate = handlers, propagate
            each.setLevel(level)
        handler.close()


def _log_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    text = warnings.formatwarning(message, category, filename, lineno, line="")
    logging.getLogger("py.warnings").warning(text.strip())
