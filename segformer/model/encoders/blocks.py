"""What the encoders have in common: their interface, first weights, running of blocks."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint


class Encoder(nn.Module):
    """What makes four maps of an image; each says which sizes it takes."""

    channels: tuple[int, ...]
    """Channels of the maps, finest first."""

    def forward(self, image: Tensor) -> list[Tensor]:
        """Image Bx3xHxW -> maps Bx`channels[i]`xH_ixW_i at 1/4, 1/8, 1/16, 1/32, rounded up."""
        raise NotImplementedError


class DropPath(nn.Module):
    """Stochastic depth (Huang et al. 2016): leaves a branch out, for each image by itself."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, branch: Tensor) -> Tensor:
        """The branch, or in training 0 with probability `rate` and its mean kept."""
        if not self.training or self.rate == 0.0:
            return branch
        kept = branch.new_empty((branch.shape[0],) + (1,) * (branch.ndim - 1))
        return branch * kept.bernoulli_(1.0 - self.rate).div_(1.0 - self.rate)


def run_blocks(
    blocks: Iterable[nn.Module], x: Tensor, *arguments: object, recompute: bool
) -> Tensor:
    """Send `x` through blocks that also take `arguments`.

    Args:
        blocks: In order.
        x: What the first takes and each gives to the next.
        arguments: Further arguments of each block.
        recompute: Keep only what is between the blocks, and run each again on the way back, with
            the same random numbers: less memory, more time, the same gradients.
    """
    for block in blocks:
        if recompute and torch.is_grad_enabled():
            x = checkpoint(block, x, *arguments, use_reentrant=False)
        else:
            x = block(x, *arguments)
    return x


def initialise(module: nn.Module) -> None:
    """Initialise one layer: truncated normal for linear ones, He by fan-out for convolutions."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv2d):
        fan_out = math.prod(module.kernel_size) * module.out_channels // module.groups
        nn.init.normal_(module.weight, std=math.sqrt(2.0 / fan_out))
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def image_of(tokens: Tensor, height: int, width: int) -> Tensor:
    """Tokens BxNxC in rows -> map BxCx`height`x`width`, a view.

    Its memory is channels-last, which convolutions take as it is; a copy would cost time.
    """
    return tokens.transpose(1, 2).reshape(tokens.shape[0], tokens.shape[2], height, width)


def halved(features: Tensor) -> Tensor:
    """Map of half the size, rounded up, by the maximum."""
    return F.max_pool2d(features, kernel_size=2, stride=2, ceil_mode=True)
