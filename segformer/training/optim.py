"""Optimiser and learning-rate schedule."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from segformer.model.segformer import SegFormer
from segformer.spec.sections.train import Optim
from segformer.training.depth import depths
from segformer.training.shortening import Plan

_EMBEDDINGS = ("position_embedding", "register_tokens")


def parameter_groups(network: SegFormer, settings: Optim) -> list[dict[str, object]]:
    """Groups by part (encoder, head), rate and weight decay, without frozen parameters.

    Biases, norms and position embeddings have no weight decay. The last group of the encoder has
    its full rate.
    """
    head = dict.fromkeys(
        (name for name, _ in network.head.named_parameters()), settings.head_lr_ratio
    )
    return [
        *_groups_of(network.backbone, "backbone", _layer_factors(network, settings), settings),
        *_groups_of(network.head, "head", head, settings),
    ]


def rates_of(groups: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return the learning rate of each part; that of the encoder is its full one."""
    return {f"lr_{group['part']}": group["lr"] for group in groups}


def _layer_factors(network: SegFormer, settings: Optim) -> dict[str, float]:
    """The share of the encoder's rate at which each of its parameters learns."""
    depth_of = depths(network.backbone)
    deepest = max(depth_of.values())
    return {name: settings.layer_decay ** (deepest - depth) for name, depth in depth_of.items()}


def _groups_of(
    part: nn.Module, name_of_part: str, factors: dict[str, float], settings: Optim
) -> list[dict[str, object]]:
    groups: list[dict[str, object]] = []
    for factor in sorted(set(factors.values())):
        for decayed in (True, False):
            members = [
                parameter
                for name, parameter in part.named_parameters()
                if parameter.requires_grad
                and factors[name] == factor
                and _is_decayed(name, parameter) == decayed
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
    optimizer: torch.optim.Optimizer, settings: Optim, *, plan: Plan, steps_per_epoch: int
) -> LambdaLR:
    """The schedule, which advances with every step of the optimiser.

    The rate rises linearly for `warm_up_share` of the steps, then follows the policy. That of the
    encoder is 0 for the first `encoder_delay_share` of the steps, and its warm-up begins then.
    Steps are those of the plan's first number of epochs.
    """
    steps = plan.epochs * steps_per_epoch
    fall = _fall(settings, plan.epochs)

    def factors(start: int) -> Callable[[int], float]:
        # At least one step, even the only one, is at the full rate.
        warm_up = min(int(steps * settings.warm_up_share), steps - 1 - start)

        def factor(trained: int) -> float:
            step = plan.step(trained, steps_per_epoch)
            if step < start:
                return 0.0
            if step < start + warm_up:
                return (step - start + 1) / (warm_up + 1)
            done = (step - start - warm_up) / (steps - start - warm_up)
            return fall(step, min(1.0, done), steps_per_epoch)

        return factor

    delay = min(int(steps * settings.encoder_delay_share), steps - 1)
    parts = [group.get("part") for group in optimizer.param_groups]
    return LambdaLR(optimizer, [factors(delay if part == "backbone" else 0) for part in parts])


def _fall(settings: Optim, num_epochs: int) -> Callable[[float, float, int], float]:
    """The policy, from (steps, share of the steps done, steps per epoch) to a share of the rate."""
    every = max(1, num_epochs // 3)
    cooldown = settings.cooldown_share
    policies: dict[str, Callable[[float, float, int], float]] = {
        "linear": lambda step, done, per_epoch: 1 - done,
        "cosine": lambda step, done, per_epoch: (1 + math.cos(math.pi * done)) / 2,
        "poly": lambda step, done, per_epoch: float((1 - done) ** settings.power),
        "step": lambda step, done, per_epoch: float(0.1 ** (step // (every * per_epoch))),
        "constant": lambda step, done, per_epoch: (
            min(1.0, (1 - done) / cooldown) if cooldown else 1.0
        ),
    }
    return policies[settings.policy]


def _is_decayed(name: str, parameter: nn.Parameter) -> bool:
    is_embedding = any(word in name for word in _EMBEDDINGS)
    return sum(size > 1 for size in parameter.shape) > 1 and not is_embedding
