"""Batch norm over the batches of all processes on the CPU; torch's SyncBatchNorm needs GPUs."""

from typing import Any

import torch
from pytorch_lightning.plugins.layer_sync import LayerSync
from torch import Tensor, nn
from torch.autograd import Function
from torch.distributed import all_reduce


class _Sum(Function):
    """The sum over all processes; its gradient is the sum of their gradients."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.clone()
        all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        all_reduce(total)
        return total


def _summed(value: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(value)  # type: ignore[no-untyped-call]
    return total


class SharedBatchNorm(nn.BatchNorm2d):
    """`nn.BatchNorm2d` computed over the batches of all processes together."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise the input BxCxHxW; B and HxW may differ between processes."""
        if not self.training:
            return super().forward(input)
        # Sums and counts travel in one message, since gloo pays for each.
        pixels = input.new_tensor(float(input.numel() // input.shape[1]))
        total = _summed(torch.cat([input.sum((0, 2, 3)), pixels[None]]))
        sums, size = total[:-1], total[-1].detach()
        # Variance in a second pass: the mean of squares minus the squared mean loses all digits in
        # single precision if the mean is large.
        centred = input - (sums / size)[:, None, None]
        variance = _summed(centred.square().sum((0, 2, 3))) / size
        self._remember((sums / size).detach(), variance.detach() * size / (size - 1))
        scale = torch.rsqrt(variance + self.eps) * self.weight
        return centred * scale[:, None, None] + self.bias[:, None, None]

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        momentum = self.momentum
        if self.running_mean is None or self.running_var is None or momentum is None:
            raise ValueError("a batch norm without running statistics cannot be shared")
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance, momentum)


class SharedBatchNorms(LayerSync):
    """Replaces every `nn.BatchNorm2d` by a `SharedBatchNorm` and back; the weights stay."""

    def apply(self, model: nn.Module) -> nn.Module:
        """Share the batch norms of a model."""
        return _exchanged(model, nn.BatchNorm2d, SharedBatchNorm)

    def revert(self, model: nn.Module) -> nn.Module:
        """Restore the plain batch norms."""
        return _exchanged(model, SharedBatchNorm, nn.BatchNorm2d)


def _exchanged(model: nn.Module, old: type[nn.BatchNorm2d], new: type[nn.BatchNorm2d]) -> nn.Module:
    for module in model.modules():
        if type(module) is old:
            # The classes have the same attributes; only the forward pass differs.
            module.__class__ = new
    return model
