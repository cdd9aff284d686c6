"""Parts that the encoders share: interface, initial weights, running of blocks."""

import math
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint


class Encoder(nn.Module):
    """Interface: an image to four feature maps. Each encoder documents the sizes it accepts.

    A `drop_path_rate` is that of the last block, and rises evenly from 0; in a plain ViT it is that
    of every block.
    """

    channels: tuple[int, ...]
    """Channels of the maps, finest first."""

    @property
    def published_part(self) -> nn.Module:
        """The part that has pretrained weights and can be frozen."""
        return self

    def forward(self, image: Tensor) -> list[Tensor]:
        """Image BxCxHxW -> maps Bx`channels[i]`xH_ixW_i at 1/4, 1/8, 1/16 and 1/32, rounded up.

        The last map of a FAN is at 1/16.
        """
        raise NotImplementedError


class DropPath(nn.Module):
    """Stochastic depth (Huang et al. 2016): drops a branch, independently for each image."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, branch: Tensor) -> Tensor:
        """Return the branch; in training 0 with probability `rate`, scaled to keep its mean."""
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
        x: Input of the first block; each passes its output to the next.
        arguments: Further arguments of each block.
        recompute: Store only the inputs of the blocks, and run each again in the backward pass,
            with the same random numbers: less memory, more time, the same gradients.
    """
    for block in blocks:
        if recompute and torch.is_grad_enabled():
            contexts = partial(_contexts, block)
            x = checkpoint(block, x, *arguments, use_reentrant=False, context_fn=contexts)
        else:
            x = block(x, *arguments)
    return x


def _contexts(
    block: nn.Module,
) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Return what surrounds the first run of a block and the second."""
    return nullcontext(), _untracked(block)


@contextmanager
def _untracked(block: nn.Module) -> Iterator[None]:
    """Keep the running statistics of norms: a batch that is seen again must not count twice."""
    norms = [norm for norm in block.modules() if isinstance(norm, nn.BatchNorm2d)]
    state = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        # Not track_running_stats: a norm without it saves other tensors for the backward pass.
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, state, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count


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
    """Return tokens BxNxC in rows as a map BxCx`height`x`width`, a view.

    Its memory is channels-last, which convolutions accept; a copy would cost time.
    """
    return tokens.transpose(1, 2).reshape(tokens.shape[0], tokens.shape[2], height, width)


def halved(features: Tensor) -> Tensor:
    """Halve the size of a map, rounded up, by max pooling."""
    return F.max_pool2d(features, kernel_size=2, stride=2, ceil_mode=True)
