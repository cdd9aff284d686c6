"""Fully attentional networks, the hybrids: the functions and parameters of the published models.

Zhou et al., Understanding the Robustness in Vision Transformers, ICML 2022
(https://arxiv.org/abs/2204.12451). The code is our own; weights of https://github.com/NVlabs/FAN
and of TAO fit, by the names in `segformer.model.weight_names`.
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
    image_of,
    initialise,
    run_blocks,
)
from segformer.spec.backbones import BACKBONES, DOWNSAMPLED_CHANNELS

_FREQUENCIES = 16
_REFINEMENTS = 2
_EPSILON = 1e-6
"""Of the norms outside the channel attention, as published."""


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

    Takes images whose sides are multiples of 16. Its last map is at 1/16 like the third, as
    published, or with `feat_downsample` at 1/32 by a convolution to 768 channels.
    """

    stem: Any
    """Parts of transformers, which have no types."""

    def __init__(
        self,
        name: str,
        *,
        in_channels: int = 3,
        activation_checkpoint: bool = False,
        drop_path_rate: float = 0.1,
        feat_downsample: bool = False,
    ) -> None:
        super().__init__()
        layout, channels = LAYOUTS[name], BACKBONES[name].channels
        width = channels[-1]
        self.activation_checkpoint = activation_checkpoint
        stem = ConvNextModel(
            ConvNextConfig(
                num_channels=in_channels,
                num_stages=2,
                hidden_sizes=channels[:2],
                depths=layout.stem,
            )
        )
        self.patches, self.stem = stem.embeddings, stem.encoder.stages
        self.stem[1].downsampling_layer[0] = UnbiasedNorm(channels[0], channels=1)
        for stage, count in zip(self.stem, channels, strict=False):
            for block in stage.layers:
                block.layernorm = UnbiasedNorm(count, channels=3)
        self.tokens = nn.Conv2d(channels[1], width, kernel_size=2, stride=2)
        self.positions = FourierPositions(width)
        rates = [drop_path_rate * i / (layout.depth - 1) for i in range(layout.depth)]
        self.blocks = nn.ModuleList(Block(width, layout.heads, drop_path=r) for r in rates)
        self.third_after = layout.third_after or layout.depth
        self.refinements = nn.ModuleList(Refinement(width) for _ in range(_REFINEMENTS))
        self.downsample: nn.Conv2d | None = None
        self.channels = channels
        if feat_downsample:
            self.downsample = nn.Conv2d(width, DOWNSAMPLED_CHANNELS, 3, stride=2, padding=1)
            self.channels = (*channels[:3], DOWNSAMPLED_CHANNELS)
        self.apply(initialise)

    def forward(self, image: Tensor) -> list[Tensor]:
        """The feature maps, finest first."""
        recompute = self.activation_checkpoint
        x = self.patches(image)
        features = []
        for stage in self.stem:
            x = run_blocks((*stage.downsampling_layer, *stage.layers), x, recompute=recompute)
            features.append(x)
        x = self.tokens(x)
        height, width = x.shape[2], x.shape[3]
        x = x.flatten(2).transpose(1, 2) + self.positions(height, width)
        x = run_blocks(self.blocks[: self.third_after], x, height, width, recompute=recompute)
        features.append(image_of(x, height, width))
        x = run_blocks(self.blocks[self.third_after :], x, height, width, recompute=recompute)
        last = image_of(run_blocks(self.refinements, x, recompute=recompute), height, width)
        features.append(last if self.downsample is None else self.downsample(last))
        return features


class UnbiasedNorm(nn.LayerNorm):
    """A norm over the channels that divides by the unbiased deviation.

    So do the published models in all of the stem but its first norm: theirs does it for maps whose
    channels lie last in memory, and they were trained that way.
    """

    def __init__(self, width: int, *, channels: int) -> None:
        super().__init__(width, eps=_EPSILON)
        self.channels = channels
        """The place of the channels among the four dimensions: 1 or 3."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised map."""
        (count,) = self.normalized_shape
        weight = self.weight * math.sqrt(1 - 1 / count)
        # Not by movedim: where the channels are last already, its export is no valid ONNX.
        is_first = self.channels == 1
        rows = x.permute(0, 2, 3, 1) if is_first else x
        normalised = F.layer_norm(rows, self.normalized_shape, weight, self.bias, self.eps)
        return normalised.permute(0, 3, 1, 2) if is_first else normalised


class Block(nn.Module):
    """Token self-attention, then channel attention, each on a normalised branch."""

    def __init__(self, width: int, heads: int, *, drop_path: float) -> None:
        super().__init__()
        self.token_norm = nn.LayerNorm(width, eps=_EPSILON)
        self.token_attention = TokenAttention(width, heads)
        self.token_scale = nn.Parameter(torch.ones(width))
        self.channel_norm = nn.LayerNorm(width, eps=_EPSILON)
        self.channel_attention = ChannelAttention(width, heads)
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
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.projection = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens BxNxC -> the same."""
        query, key, value = (
            layer(tokens).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        mixed = F.scaled_dot_product_attention(query, key, value)
        projected: Tensor = self.projection(mixed.transpose(1, 2).flatten(2))
        return projected


class ChannelAttention(nn.Module):
    """Efficient channel self-attention, by heads, as the published models compute it.

    A channel c of a head is weighted by t * sigmoid(sum_n q[n, c] * k[n]): q is the softmax over
    the N tokens of a linear map of them, k[n] the mean over the head's channels of the softmax over
    the tokens themselves, t a learned temperature of the head. The weights apply to the tokens
    after `LocalFeedForward` and a norm.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.feed_forward = LocalFeedForward(width)
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        """Tokens BxNxC, N = `height` x `width` in rows -> the same."""
        values: Tensor = self.norm(self.feed_forward(tokens, height, width))
        return self.gate(tokens) * values

    def gate(self, tokens: Tensor) -> Tensor:
        """Tokens BxNxC -> weights Bx1xC of the channels."""
        query, key = (
            x.softmax(dim=1).unflatten(2, (self.heads, -1)) for x in (self.query(tokens), tokens)
        )
        pooled = (query * key.mean(dim=3, keepdim=True)).sum(dim=1)  # Bx`heads`x(C/`heads`)
        weights: Tensor = torch.sigmoid(pooled) * self.temperature[..., 0]
        return weights.flatten(1)[:, None]


class LocalFeedForward(nn.Module):
    """A feed-forward network whose hidden layer adds depthwise convolutions of itself."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = 4 * width
        self.expand = nn.Linear(width, hidden)
        self.local = nn.Sequential(
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden),
            nn.GELU(),
            nn.BatchNorm2d(hidden),
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden),
        )
        self.scale = nn.Parameter(torch.ones(hidden))
        self.contract = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        """Tokens BxNxC -> the same, each from its neighbourhood of 5 x 5."""
        hidden = self.expand(tokens)
        local = self.local(image_of(hidden, height, width)).flatten(2).transpose(1, 2)
        contracted: Tensor = self.contract(hidden + self.scale * local)
        return contracted


class Refinement(nn.Module):
    """The image tokens' part of a class attention block (CaiT, https://arxiv.org/abs/2103.17239).

    The published models end with two such blocks. The class token reads the image tokens there and
    writes nothing to them, so for segmentation only the norms are left, and the doubling by the
    residual connection.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=_EPSILON)
        self.scale = nn.Parameter(torch.ones(width))
        self.norm2 = nn.LayerNorm(width, eps=_EPSILON)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens BxNxC -> the same."""
        refined: Tensor = 2.0 * self.norm2(tokens + self.scale * self.norm1(tokens))
        return refined


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
        """Sines and cosines, by turns, of `count` places that are spread over one turn."""
        places = torch.arange(count, device=self.frequencies.device) + 1.0
        angles = (places * (2 * math.pi / (count + 1e-6)))[:, None] * self.frequencies
        return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)
