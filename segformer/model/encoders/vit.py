"""Plain vision transformers with a simple feature pyramid; their layers are transformers' own."""

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn
from transformers.models.dinov2.configuration_dinov2 import Dinov2Config
from transformers.models.dinov2.modeling_dinov2 import Dinov2Model
from transformers.models.dinov3_vit.configuration_dinov3_vit import DINOv3ViTConfig
from transformers.models.dinov3_vit.modeling_dinov3_vit import DINOv3ViTModel
from transformers.models.siglip.configuration_siglip import SiglipVisionConfig
from transformers.models.siglip.modeling_siglip import SiglipVisionModel

from segformer.model.encoders.blocks import Encoder, image_of, run_blocks
from segformer.model.encoders.pyramid import FeaturePyramid

PATCH = 16
"""Pixels of a patch's side. Kernels published for 14 are resampled when they are loaded."""


def _dinov2(width: int, depth: int, *, gated: bool = False) -> Dinov2Config:
    return Dinov2Config(
        patch_size=PATCH,
        image_size=37 * PATCH,  # As many positions as published.
        use_mask_token=False,
        hidden_size=width,
        num_hidden_layers=depth,
        num_attention_heads=width // 64,
        use_swiglu_ffn=gated,
    )


def _dinov3(width: int, depth: int, *, gated: bool = False) -> DINOv3ViTConfig:
    return DINOv3ViTConfig(
        patch_size=PATCH,
        num_register_tokens=4,
        # Drawing the scale of the positions anew for each batch belongs to pre-training.
        pos_embed_rescale=None,
        hidden_size=width,
        num_hidden_layers=depth,
        num_attention_heads=width // 64,
        intermediate_size=4 * width,
        use_gated_mlp=gated,
        hidden_act="silu" if gated else "gelu",
    )


def _siglip(width: int, depth: int, *, heads: int, grid: int) -> SiglipVisionConfig:
    return SiglipVisionConfig(
        patch_size=PATCH,
        image_size=grid * PATCH,
        vision_use_head=False,
        hidden_size=width,
        num_hidden_layers=depth,
        num_attention_heads=heads,
        intermediate_size=4 * width,
    )


DINOV2: dict[str, Dinov2Config] = {
    "vit_large_nvdinov2": _dinov2(1024, 24),
    "vit_giant_nvdinov2": _dinov2(1536, 40, gated=True),
}
"""DINOv2 (https://arxiv.org/abs/2304.07193)."""

DINOV3: dict[str, DINOv3ViTConfig] = {
    "vit_small_dinov3": _dinov3(384, 12),
    "vit_small_plus_dinov3": _dinov3(384, 12, gated=True),
    "vit_base_dinov3": _dinov3(768, 12),
    "vit_large_dinov3": _dinov3(1024, 24),
    "vit_huge_plus_dinov3": _dinov3(1280, 32, gated=True),
}
"""DINOv3 (https://arxiv.org/abs/2508.10104)."""

SIGLIP: dict[str, SiglipVisionConfig] = {
    "vit_base_nvclip_16_siglip": _siglip(768, 12, heads=12, grid=14),
    "vit_huge_nvclip_14_siglip": _siglip(1280, 32, heads=16, grid=16),
}
"""SigLIP's image tower (https://arxiv.org/abs/2303.15343), with the positions of 224 px images."""


class PlainTransformer(Encoder):
    """Base of the families, which differ in how an image becomes tokens.

    Takes images whose sides are multiples of 16; see `segformer.model.encoders.blocks.Encoder`.
    """

    prefix = 0
    """Number of tokens before those of the image."""
    vit: Any
    """A model of transformers, which has no types for its parts."""

    def __init__(self, vit: nn.Module, width: int, *, activation_checkpoint: bool) -> None:
        super().__init__()
        self.activation_checkpoint = activation_checkpoint
        self.channels = (width // 4, width // 2, width, width)
        self.vit = vit
        self.pyramid = FeaturePyramid(width)

    @property
    def published_part(self) -> nn.Module:
        """The transformer, without the pyramid."""
        return self.vit  # type: ignore[no-any-return]

    def forward(self, image: Tensor) -> list[Tensor]:
        """The feature maps, finest first."""
        height, width = image.shape[2] // PATCH, image.shape[3] // PATCH
        tokens = self.tokens(image, height, width)[:, self.prefix :]
        features: list[Tensor] = self.pyramid(image_of(tokens, height, width))
        return features

    def tokens(self, image: Tensor, height: int, width: int) -> Tensor:
        """Image -> normalised tokens BxNxC of the last block."""
        raise NotImplementedError

    def _run(self, blocks: nn.ModuleList, tokens: Tensor, *arguments: object) -> Tensor:
        return run_blocks(blocks, tokens, *arguments, recompute=self.activation_checkpoint)


class Dinov2(PlainTransformer):
    """DINOv2 with random weights, the architecture of NV-DINOv2."""

    prefix = 1

    def __init__(
        self,
        name: str,
        *,
        in_channels: int = 3,
        activation_checkpoint: bool = False,
        drop_path_rate: float = 0.0,
    ) -> None:
        config = copy.deepcopy(DINOV2[name])
        config.num_channels = in_channels
        config.drop_path_rate = drop_path_rate
        super().__init__(
            Dinov2Model(config), config.hidden_size, activation_checkpoint=activation_checkpoint
        )

    def tokens(self, image: Tensor, height: int, width: int) -> Tensor:
        """See `PlainTransformer`."""
        x = self._run(self.vit.encoder.layer, self.vit.embeddings(image))
        normed: Tensor = self.vit.layernorm(x)
        return normed


class Dinov3(PlainTransformer):
    """DINOv3 with random weights."""

    prefix = 1 + 4

    def __init__(
        self,
        name: str,
        *,
        in_channels: int = 3,
        activation_checkpoint: bool = False,
        drop_path_rate: float = 0.0,
    ) -> None:
        config = copy.deepcopy(DINOV3[name])
        config.num_channels = in_channels
        config.drop_path_rate = drop_path_rate
        vit: Any = DINOv3ViTModel(config)
        # Used only in pre-training; here it would be a parameter without gradient.
        vit.embeddings.mask_token = None
        super().__init__(vit, config.hidden_size, activation_checkpoint=activation_checkpoint)

    def tokens(self, image: Tensor, height: int, width: int) -> Tensor:
        """See `PlainTransformer`."""
        rope = self.rotations(height, width)
        x = self._run(self.vit.model.layer, self.vit.embeddings(image), None, rope)
        normed: Tensor = self.vit.norm(x)
        return normed

    def rotations(self, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Return cosines and sines, NxD for heads of D, of the positions of N tokens in rows.

        The same as the model's own, which caches them by size and so cannot be traced.
        """
        frequencies = self.vit.rope_embeddings.inv_freq
        down, across = (
            (torch.arange(count, device=frequencies.device) + 0.5) * (2.0 / count) - 1.0
            for count in (height, width)
        )
        places = torch.stack(torch.meshgrid(down, across, indexing="ij"), dim=2).flatten(0, 1)
        angles = (2 * math.pi * places[:, :, None] * frequencies).flatten(1, 2).repeat(1, 2)
        return angles.cos(), angles.sin()


class Siglip(PlainTransformer):
    """SigLIP's image tower with random weights, the architecture of NV-CLIP's SigLIP models."""

    def __init__(
        self, name: str, *, in_channels: int = 3, activation_checkpoint: bool = False
    ) -> None:
        config = copy.deepcopy(SIGLIP[name])
        config.num_channels = in_channels
        super().__init__(
            SiglipVisionModel(config),
            config.hidden_size,
            activation_checkpoint=activation_checkpoint,
        )

    def tokens(self, image: Tensor, height: int, width: int) -> Tensor:
        """See `PlainTransformer`."""
        x = self.vit.embeddings(image, interpolate_pos_encoding=True)
        x = self._run(self.vit.encoder.layers, x, None)
        normed: Tensor = self.vit.post_layernorm(x)
        return normed
