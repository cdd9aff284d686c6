"""Mix Transformer encoders MiT-B0 to MiT-B5, built from the layers in transformers."""

import math
from dataclasses import dataclass

from torch import Tensor, nn
from transformers.models.segformer.configuration_segformer import SegformerConfig
from transformers.models.segformer.modeling_segformer import SegformerModel


@dataclass(frozen=True)
class Layout:
    """What differs between the encoders of the family."""

    widths: tuple[int, int, int, int]
    """Channels of the four feature maps."""
    depths: tuple[int, int, int, int]
    """Transformer blocks of the four stages."""


_NARROW = (32, 64, 160, 256)
_WIDE = (64, 128, 320, 512)

LAYOUTS: dict[str, Layout] = {
    "mit_b0": Layout(_NARROW, (2, 2, 2, 2)),
    "mit_b1": Layout(_WIDE, (2, 2, 2, 2)),
    "mit_b2": Layout(_WIDE, (3, 4, 6, 3)),
    "mit_b3": Layout(_WIDE, (3, 4, 18, 3)),
    "mit_b4": Layout(_WIDE, (3, 8, 27, 3)),
    "mit_b5": Layout(_WIDE, (3, 6, 40, 3)),
}


class MixTransformer(nn.Module):
    """Encoder of SegFormer (Xie et al. 2021, https://arxiv.org/abs/2105.15203), random weights.

    Image Bx3xHxW -> maps Bx`channels[i]`xH_ixW_i at 1/4, 1/8, 1/16, 1/32 of it, rounded up.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        layout = LAYOUTS[name]
        self.channels: tuple[int, ...] = layout.widths
        # Only the stages are kept: SegformerModel's own forward gathers hidden states through
        # hooks, which costs time and does not trace.
        self.stages = SegformerModel(transformers_config(layout)).stages
        self.apply(_initialise)

    def forward(self, image: Tensor) -> list[Tensor]:
        """The feature maps, finest first."""
        features = []
        for stage in self.stages:
            image = stage(image)
            features.append(image)
        return features


def transformers_config(layout: Layout) -> SegformerConfig:
    """The same encoder in the words of transformers."""
    return SegformerConfig(
        hidden_sizes=list(layout.widths),
        depths=list(layout.depths),
        num_attention_heads=[1, 2, 5, 8],
        sr_ratios=[8, 4, 2, 1],
        mlp_ratios=[4, 4, 4, 4],
        drop_path_rate=0.1,
    )


def _initialise(module: nn.Module) -> None:
    """Initialise one layer as the authors do: truncated normal for linear, He for convolution."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv2d):
        fan_out = math.prod(module.kernel_size) * module.out_channels // module.groups
        nn.init.normal_(module.weight, std=math.sqrt(2.0 / fan_out))
        if module.bias is not None:
            nn.init.zeros_(module.bias)
