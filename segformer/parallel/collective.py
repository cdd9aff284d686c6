"""Collective operations of the processes of an action; with a single process they do nothing."""

from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

T = TypeVar("T")


def count() -> int:
    """The number of processes."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def number() -> int:
    """The number of this process, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


@torch.no_grad()
def summed(value: Tensor) -> Tensor:
    """The sum over all processes, on each of them; without gradient."""
    if count() == 1:
        return value
    total = value.detach().to(_device(), copy=True)
    distributed.all_reduce(total)
    return total.to(value.device)


def from_first(value: T) -> T:
    """The value of process 0, on every process."""
    if count() == 1:
        return value
    values: list[Any] = [value]
    distributed.broadcast_object_list(values, src=0, device=_device())
    first: T = values[0]
    return first


def gathered(value: T) -> list[T]:
    """The values of all processes, in the order of their numbers."""
    if count() == 1:
        return [value]
    values: list[Any] = [None] * count()
    distributed.all_gather_object(values, value)
    return values


def _device() -> torch.device:
    if distributed.get_backend() == "nccl":
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")
