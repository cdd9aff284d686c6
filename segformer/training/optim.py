"""Optimiser and learning-rate schedule."""

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from segformer.model.segformer import SegFormer
from segformer.spec.sections.train import Optim

HEAD_LR_FACTOR = 10.0
"""The learning rate of the head over that of the encoder, as in the SegFormer paper."""
_EMBEDDINGS = ("position_embedding", "register_tokens")


def parameter_groups(network: SegFormer, settings: Optim) -> list[dict[str, object]]:
    """Groups by part (encoder, head) and weight decay, without frozen parameters.

    Biases, norms and position embeddings have no weight decay.
    """
    groups: list[dict[str, object]] = []
    parts = ("backbone", network.backbone, 1.0), ("head", network.head, HEAD_LR_FACTOR)
    for name_of_part, part, factor in parts:
        for decayed in (True, False):
            members = [
                parameter
                for name, parameter in part.named_parameters()
                if parameter.requires_grad and _is_decayed(name, parameter) == decayed
            ]
            decay = settings.weight_decay if decayed else 0.0
            rates = {"lr": settings.lr * factor, "weight_decay": decay}
            groups += [{"params": members, "part": name_of_part, **rates}] if members else []
    return groups


def build_optimizer(network: SegFormer, settings: Optim) -> torch.optim.Optimizer:
    """The optimiser; `momentum` is the momentum of sgd and the first beta of adam and adamw."""
    groups = parameter_groups(network, settings)
    if settings.optim == "sgd":
        return torch.optim.SGD(groups, momentum=settings.momentum)
    kind = torch.optim.AdamW if settings.optim == "adamw" else torch.optim.Adam
    return kind(groups, betas=(settings.momentum, 0.999))


def build_schedule(
    optimizer: torch.optim.Optimizer, settings: Optim, *, num_epochs: int, steps_per_epoch: int
) -> LambdaLR:
    """The schedule, which advances with every step of the optimiser.

    The rate rises linearly for `warm_up_share` of the steps, then follows the policy.
    """
    steps = num_epochs * steps_per_epoch
    # At least one step, even the only one, is at the full rate.
    warm_up = min(int(steps * settings.warm_up_share), steps - 1)
    fall = _fall(settings, num_epochs)

    def factor(step: int) -> float:
        if step < warm_up:
            return (step + 1) / (warm_up + 1)
        return fall(step, min(1.0, (step - warm_up) / (steps - warm_up)), steps_per_epoch)

    return LambdaLR(optimizer, factor)


def _fall(settings: Optim, num_epochs: int) -> Callable[[int, float, int], float]:
    """The policy, from (steps, share of the steps done, steps per epoch) to a share of the rate."""
    every = max(1, num_epochs // 3)
    policies: dict[str, Callable[[int, float, int], float]] = {
        "linear": lambda step, done, per_epoch: 1 - done,
        "cosine": lambda step, done, per_epoch: (1 + math.cos(math.pi * done)) / 2,
        "poly": lambda step, done, per_epoch: float((1 - done) ** settings.power),
        "step": lambda step, done, per_epoch: float(0.1 ** (step // (every * per_epoch))),
    }
    return policies[settings.policy]


def _is_decayed(name: str, parameter: nn.Parameter) -> bool:
    is_embedding = any(word in name for word in _EMBEDDINGS)
    return sum(size > 1 for size in parameter.shape) > 1 and not is_embedding
