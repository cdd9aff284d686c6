"""Resuming with an optimiser of other settings than the checkpoint's."""

from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from torch.optim.lr_scheduler import LambdaLR

from segformer.model.segformer import SegFormer
from segformer.spec.sections.train import Optim
from segformer.training.optim import build_optimizer

_SETTINGS = ("weight_decay", "betas", "momentum")


class ResumedSettings(Callback):
    """Applies the spec's settings to an optimiser that a checkpoint restored.

    Lightning restores learning rate, decay and momentum with the optimiser's state, but population-
    based training copies a checkpoint to continue it with others. If other parameters are trained
    than before, or by another optimiser, its state cannot be used and starts empty. Equal settings
    change nothing.
    """

    def __init__(self, network: SegFormer, settings: Optim) -> None:
        self._network = network
        self._settings = settings

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Drop the state of an optimiser of another shape."""
        fresh = build_optimizer(self._network, self._settings).state_dict()
        states = checkpoint.get("optimizer_states", [])
        if any(_shape(state) != _shape(fresh) for state in states):
            checkpoint["optimizer_states"] = []
            # The schedule keeps its step, with as many rates as there are groups now.
            rates = [group["lr"] for group in fresh["param_groups"]]
            for schedule in checkpoint.get("lr_schedulers", []):
                schedule |= {"base_lrs": [*rates], "_last_lr": [*rates]}
                schedule["lr_lambdas"] = [None] * len(rates)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Set every value that differs from the spec."""
        fresh = build_optimizer(self._network, self._settings)
        schedule = trainer.lr_scheduler_configs[0].scheduler
        for index, (group, asked) in enumerate(
            zip(trainer.optimizers[0].param_groups, fresh.param_groups, strict=True)
        ):
            group.update({k: asked[k] for k in _SETTINGS if k in asked and group[k] != asked[k]})
            if isinstance(schedule, LambdaLR):
                # The schedule multiplies the base rate: set it, and the rate of the present step.
                group["initial_lr"] = schedule.base_lrs[index] = asked["lr"]
                factor = schedule.lr_lambdas[index](schedule.last_epoch)
                group["lr"] = asked["lr"] * factor


def _shape(state: dict[str, Any]) -> list[tuple[int, frozenset[str]]]:
    # Betas mean Adam or AdamW, momentum means SGD.
    keys = frozenset(("betas", "momentum"))
    return [(len(g["params"]), keys & g.keys()) for g in state["param_groups"]]
