"""Optimiser and learning-rate schedule."""

from collections.abc import Callable

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from segformer.model.segformer import SegFormer
from segformer.spec_train import Optim

HEAD_LR_FACTOR = 10.0
"""How much faster the head learns than the encoder, as in the SegFormer paper."""
WARM_UP_SHARE = 0.01
"""Share of the steps in which policy `linear` rises to the full rate."""


def parameter_groups(network: SegFormer, settings: Optim) -> list[dict[str, object]]:
    """Groups by part and decay; frozen parameters are in none.

    Biases, norms and position embeddings have no weight decay.
    """
    groups: list[dict[str, object]] = []
    for part, factor in ((network.backbone, 1.0), (network.head, HEAD_LR_FACTOR)):
        for decayed in (True, False):
            members = [
                parameter
                for name, parameter in part.named_parameters()
                if parameter.requires_grad and _is_decayed(name, parameter) == decayed
            ]
            decay = settings.weight_decay if decayed else 0.0
            group = {"params": members, "lr": settings.lr * factor, "weight_decay": decay}
            groups += [group] if members else []
    return groups


def build_optimizer(network: SegFormer, settings: Optim) -> torch.optim.Optimizer:
    """The optimiser; `momentum` is that of sgd and the first beta of adam and adamw."""
    groups = parameter_groups(network, settings)
    if settings.optim == "sgd":
        return torch.optim.SGD(groups, momentum=settings.momentum)
    kind = torch.optim.AdamW if settings.optim == "adamw" else torch.optim.Adam
    return kind(groups, betas=(settings.momentum, 0.999))


def build_schedule(
    optimizer: torch.optim.Optimizer, settings: Optim, *, num_epochs: int, steps_per_epoch: int
) -> LambdaLR:
    """The schedule, to be advanced once per step."""
    if settings.policy == "step":
        factor = _step_factor(num_epochs, steps_per_epoch)
    else:
        factor = _linear_factor(num_epochs * steps_per_epoch)
    return LambdaLR(optimizer, factor)


def _linear_factor(steps: int) -> Callable[[int], float]:
    warm_up = int(steps * WARM_UP_SHARE)

    def factor(step: int) -> float:
        if step < warm_up:
            return (step + 1) / (warm_up + 1)
        return max(0.0, (steps - step) / (steps - warm_up))

    return factor


def _step_factor(num_epochs: int, steps_per_epoch: int) -> Callable[[int], float]:
    every = max(1, num_epochs // 3) * steps_per_epoch

    def factor(step: int) -> float:
        return float(0.1 ** (step // every))

    return factor


def _is_decayed(name: str, parameter: nn.Parameter) -> bool:
    return parameter.ndim > 1 and "pos_embed" not in name
