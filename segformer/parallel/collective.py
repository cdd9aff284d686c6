"""What the processes of an action do together. With one process each is the plain thing."""

from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

T = TypeVar("T")


def count() -> int:
    """How many processes there are."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def number() -> int:
    """Which of them this is, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


@torch.no_grad()
def summed(value: Tensor) -> Tensor:
    """The sum over all processes, on every one; without gradient."""
    if count() == 1:
        return value
    total = value.detach().to(_device(), copy=True)
    distributed.all_reduce(total)
    return total.to(value.device)


def from_first(value: T) -> T:
    """What process 0 has."""
    if count() == 1:
        return value
    held: list[Any] = [value]
    distributed.broadcast_object_list(held, src=0, device=_device())
    first: T = held[0]
    return first


def gathered(value: T) -> list[T]:
    """What every process has, in order of their numbers."""
    if count() == 1:
        return [value]
    held: list[Any] = [None] * count()
    distributed.all_gather_object(held, value)
    return held


def _device() -> torch.device:
    if distributed.get_backend() == "nccl":
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")
