"""Mix Transformer encoders MiT-B0 to MiT-B5, built from the layers in transformers."""

from typing import Any

from torch import Tensor
from transformers.models.segformer.configuration_segformer import SegformerConfig
from transformers.models.segformer.modeling_segformer import SegformerModel

from segformer.model.encoders.blocks import Encoder, image_of, initialise, run_blocks
from segformer.spec.backbones import BACKBONES

DEPTHS: dict[str, tuple[int, int, int, int]] = {
    "mit_b0": (2, 2, 2, 2),
    "mit_b1": (2, 2, 2, 2),
    "mit_b2": (3, 4, 6, 3),
    "mit_b3": (3, 4, 18, 3),
    "mit_b4": (3, 8, 27, 3),
    "mit_b5": (3, 6, 40, 3),
}
"""Transformer blocks of the four stages."""


class MixTransformer(Encoder):
    """Encoder of SegFormer (Xie et al. 2021, https://arxiv.org/abs/2105.15203), random weights.

    Takes images of any size from 32 px; see `segformer.model.encoders.blocks.Encoder`.
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
        # Only the stages are kept: SegformerModel's own forward collects hidden states through
        # hooks, which costs time and cannot be traced.
        config = transformers_config(name, drop_path_rate, in_channels)
        self.stages = SegformerModel(config).stages
        self.apply(initialise)

    def forward(self, image: Tensor) -> list[Tensor]:
        """The feature maps, finest first."""
        features = []
        for stage in self.stages:
            tokens, height, width = stage.patch_embeddings(image)
            tokens = run_blocks(
                stage.blocks, tokens, height, width, recompute=self.activation_checkpoint
            )
            tokens = stage.layer_norm(tokens)
            image = image_of(tokens, height, width)
            features.append(image)
        return features


def transformers_config(
    name: str, drop_path_rate: float = 0.1, in_channels: int = 3
) -> SegformerConfig:
    """Return the configuration of the same encoder in transformers."""
    return SegformerConfig(
        num_channels=in_channels,
        hidden_sizes=list(BACKBONES[name].channels),
        depths=list(DEPTHS[name]),
        num_attention_heads=[1, 2, 5, 8],
        sr_ratios=[8, 4, 2, 1],
        mlp_ratios=[4, 4, 4, 4],
        drop_path_rate=drop_path_rate,
    )
