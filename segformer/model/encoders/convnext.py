"""ConvNeXt V2 encoders, built from the layers in transformers."""

from typing import Any

from torch import Tensor, nn
from transformers.models.convnextv2.configuration_convnextv2 import ConvNextV2Config
from transformers.models.convnextv2.modeling_convnextv2 import ConvNextV2Model

from segformer.model.encoders.blocks import Encoder, run_blocks
from segformer.model.encoders.pyramid import ChannelNorm
from segformer.spec.backbones import BACKBONES

DEPTHS: dict[str, tuple[int, int, int, int]] = {
    "convnextv2_tiny": (3, 3, 9, 3),
    "convnextv2_base": (3, 3, 27, 3),
}
"""Blocks of the four stages."""


class ConvNextV2(Encoder):
    """ConvNeXt V2 (Woo et al. 2023, https://arxiv.org/abs/2301.00808), random weights.

    Takes images whose sides are multiples of 32; see `segformer.model.encoders.blocks.Encoder`.
    """

    stages: Any
    """Parts of transformers, which have no types."""

    def __init__(
        self,
        name: str,
        *,
        in_channels: int = 3,
        activation_checkpoint: bool = False,
        drop_path_rate: float = 0.1,
    ) -> None:
        super().__init__()
        self.channels = BACKBONES[name].channels
        self.activation_checkpoint = activation_checkpoint
        self.config = ConvNextV2Config(
            num_channels=in_channels,
            hidden_sizes=list(self.channels),
            depths=list(DEPTHS[name]),
            drop_path_rate=drop_path_rate,
        )
        model = ConvNextV2Model(self.config)
        self.embeddings, self.stages = model.embeddings, model.encoder.stages
        self.norms = nn.ModuleList(ChannelNorm(channels) for channels in self.channels)

    def forward(self, image: Tensor) -> list[Tensor]:
        """The feature maps, finest first."""
        x, features = self.embeddings(image), []
        for stage, norm in zip(self.stages, self.norms, strict=True):
            blocks = (*stage.downsampling_layer, *stage.layers)
            x = run_blocks(blocks, x, recompute=self.activation_checkpoint)
            features.append(norm(x))
        return features
