"""Fully attentional networks, the hybrids: written from the paper, not from the authors' code.

Zhou et al., Understanding the Robustness in Vision Transformers, ICML 2022
(https://arxiv.org/abs/2204.12451). Depths, widths, heads and stems are those of the
published models (https://github.com/NVlabs/FAN, models/fan.py).
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.models.convnext.configuration_convnext import ConvNextConfig
from transformers.models.convnext.modeling_convnext import ConvNextModel

from segformer.model.encoders.blocks import (
    DropPath,
    Encoder,
    halved,
    image_of,
    initialise,
    run_blocks,
)
from segformer.spec.backbones import BACKBONES

DROP_PATH_RATE = 0.1
"""Of the last block; it rises evenly from 0."""

_FREQUENCIES = 16


@dataclass(frozen=True)
class Layout:
    """What differs between the networks of the family; the widths are in `BACKBONES`."""

    depth: int
    """Blocks of token and channel attention."""
    heads: int
    """Heads of the token attention."""
    stem: tuple[int, int] = (3, 3)
    """ConvNeXt blocks at 1/4 and at 1/8."""
    third_after: int | None = None
    """Block after which the map at 1/16 is taken; None: the last."""


LAYOUTS: dict[str, Layout] = {
    "fan_tiny_8_p4_hybrid": Layout(depth=8, heads=8),
    "fan_small_12_p4_hybrid": Layout(depth=10, heads=8),
    "fan_base_16_p4_hybrid": Layout(depth=16, heads=8),
    "fan_large_16_p4_hybrid": Layout(depth=22, heads=10, stem=(3, 5), third_after=19),
}


class FullyAttentional(Encoder):
    """Hybrid FAN encoder with random weights: ConvNeXt blocks, then blocks of two attentions.

    Takes images whose sides are multiples of 16; see `Encoder`. The map at
    1/32 is that of the last block at 1/16, halved by maximum, or by a convolution with
    `feat_downsample`.
    """

    stem: Any
    """Parts of transformers, which have no types."""

    def __init__(
        self, name: str, *, activation_checkpoint: bool = False, feat_downsample: bool = False
    ) -> None:
        super().__init__()
        layout, self.channels = LAYOUTS[name], BACKBONES[name].channels
        width = self.channels[-1]
        self.activation_checkpoint = activation_checkpoint
        stem = ConvNextModel(
            ConvNextConfig(num_stages=2, hidden_sizes=self.channels[:2], depths=layout.stem)
        )
        self.patches, self.stem = stem.embeddings, stem.encoder.stages
        self.tokens = nn.Conv2d(self.channels[1], width, kernel_size=2, stride=2)
        self.positions = FourierPositions(width)
        rates = [DROP_PATH_RATE * i / (layout.depth - 1) for i in range(layout.depth)]
        self.blocks = nn.ModuleList(Block(width, layout.heads, drop_path=r) for r in rates)
        self.third_after = layout.third_after or layout.depth
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.downsample = nn.Conv2d(width, width, 3, 2, 1) if feat_downsample else None
        self.apply(initialise)

    def forward(self, image: Tensor) -> list[Tensor]:
        """The feature maps, finest first."""
        again = self.activation_checkpoint
        x = self.patches(image)
        features = []
        for stage in self.stem:
            x = run_blocks((*stage.downsampling_layer, *stage.layers), x, recompute=again)
            features.append(x)
        x = self.tokens(x)
        height, width = x.shape[2], x.shape[3]
        x = x.flatten(2).transpose(1, 2) + self.positions(height, width)
        x = run_blocks(self.blocks[: self.third_after], x, height, width, recompute=again)
        features.append(image_of(self.norms[0](x), height, width))
        x = run_blocks(self.blocks[self.third_after :], x, height, width, recompute=again)
        last = image_of(self.norms[1](x), height, width)
        features.append(halved(last) if self.downsample is None else self.downsample(last))
        return features


class Block(nn.Module):
    """Token self-attention, then channel attention, each on a normalised branch."""

    def __init__(self, width: int, heads: int, *, drop_path: float) -> None:
        super().__init__()
        self.token_norm = nn.LayerNorm(width)
        self.token_attention = TokenAttention(width, heads)
        self.token_scale = nn.Parameter(torch.ones(width))
        self.channel_norm = nn.LayerNorm(width)
        self.channel_attention = ChannelAttention(width)
        self.channel_scale = nn.Parameter(torch.ones(width))
        self.drop_path = DropPath(drop_path)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        """Tokens BxNxC, N = `height` x `width` in rows -> the same."""
        branch = self.token_attention(self.token_norm(tokens))
        tokens = tokens + self.drop_path(self.token_scale * branch)
        branch = self.channel_attention(self.channel_norm(tokens), height, width)
        result: Tensor = tokens + self.drop_path(self.channel_scale * branch)
        return result


class TokenAttention(nn.Module):
    """Multi-head self-attention over the tokens."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens BxNxC -> the same."""
        parts = self.query_key_value(tokens).chunk(3, dim=2)
        query, key, value = (x.unflatten(2, (self.heads, -1)).transpose(1, 2) for x in parts)
        mixed = F.scaled_dot_product_attention(query, key, value)
        projected: Tensor = self.projection(mixed.transpose(1, 2).flatten(2))
        return projected


class ChannelAttention(nn.Module):
    """The paper's efficient channel self-attention.

    ECA(Z) = sigmoid(W s(Z) s(z)^T / sqrt(n)) * MLP(Z), with s the softmax over the n tokens and z
    the token prototype, the mean of the channels. W is linear, so it is applied after the sum over
    the tokens: to one vector per image. The MLP holds a depthwise convolution.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = 4 * width
        self.query = nn.Linear(width, width)
        self.expand = nn.Linear(width, hidden)
        self.local = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.contract = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        """Tokens BxNxC, N = `height` x `width` in rows -> the same."""
        return self.gate(tokens) * self.mlp(tokens, height, width)

    def gate(self, tokens: Tensor) -> Tensor:
        """Tokens BxNxC -> weights Bx1xC in (0, 1) of the channels."""
        prototype = tokens.mean(dim=2, keepdim=True).softmax(dim=1)
        pooled = (tokens.softmax(dim=1) * prototype).sum(dim=1, keepdim=True)
        # A length by summing: the size of a traced tensor would become a constant.
        count = torch.ones_like(prototype[:1, :, :]).sum()
        return torch.sigmoid(self.query(pooled) / count.sqrt())

    def mlp(self, tokens: Tensor, height: int, width: int) -> Tensor:
        """Tokens BxNxC -> the same, each from its neighbourhood of 3 x 3."""
        hidden = image_of(self.expand(tokens), height, width)
        mixed = F.gelu(self.local(hidden)).flatten(2).transpose(1, 2)
        contracted: Tensor = self.contract(mixed)
        return contracted


class FourierPositions(nn.Module):
    """Position embeddings from sines and cosines of the relative place, for any size."""

    frequencies: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        powers = torch.arange(_FREQUENCIES, dtype=torch.float32) / _FREQUENCIES
        self.register_buffer("frequencies", 10_000.0**-powers, persistent=False)
        self.projection = nn.Linear(4 * _FREQUENCIES, width)

    def forward(self, height: int, width: int) -> Tensor:
        """Embeddings 1xNxC of N = `height` x `width` tokens in rows."""
        rows, columns = self._waves(height), self._waves(width)
        rows = rows[:, None, :].expand(-1, width, -1)
        columns = columns[None, :, :].expand(height, -1, -1)
        waves = torch.cat([rows, columns], dim=2).flatten(0, 1)[None]
        embeddings: Tensor = self.projection(waves)
        return embeddings

    def _waves(self, count: int) -> Tensor:
        """Sines and cosines of `count` places that are spread over one turn."""
        places = torch.arange(count, device=self.frequencies.device) + 0.5
        angles = (places * (2 * math.pi / count))[:, None] * self.frequencies
        return torch.cat([angles.sin(), angles.cos()], dim=1)
