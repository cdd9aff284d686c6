"""Facts of every encoder that a spec can name: maps, head, image sizes. Loads no torch."""

import re
from dataclasses import dataclass
from pathlib import Path

STRIDES = (4, 8, 16, 32)
"""Pixels of the image per pixel of the maps; the last of a FAN has 16 without feat_downsample."""

DOWNSAMPLED_CHANNELS = 768
"""Channels of the last map of a FAN with feat_downsample."""

MIN_SIZE = 32
"""Fewest pixels of a side: the coarsest map needs one."""

PACKAGE = "package:"
"""Begins the name of an installed package that holds weights."""


@dataclass(frozen=True)
class BackboneFacts:
    """Facts of an encoder that need no network."""

    family: str
    """Name of the module in segformer/model/ that builds it."""
    channels: tuple[int, int, int, int]
    """Channels of the four maps, finest first."""
    head_width: int = 768
    """Channels of the head as published; for encoders without a published one, TAO's default."""
    size_step: int = 1
    """Sides of images are multiples of this."""

    @property
    def has_drop_path(self) -> bool:
        """Whether its blocks can be dropped in training."""
        return self.family != "siglip"

    @property
    def has_batchnorm(self) -> bool:
        """Whether it has batch norms; the others have layer norms."""
        return self.family in ("fan", "efficientnet_lite")

    def nearest_size(self, side: int) -> int:
        """The side in pixels, nearest to a given one, that the encoder takes."""
        steps = (side + self.size_step // 2) // self.size_step
        return max(MIN_SIZE, steps * self.size_step)


def _plain(family: str, width: int) -> BackboneFacts:
    """A ViT of patch 16: its pyramid halves the channels whenever it doubles the size."""
    return BackboneFacts(family, (width // 4, width // 2, width, width), size_step=16)


_MIT_WIDE = (64, 128, 320, 512)

BACKBONES: dict[str, BackboneFacts] = {
    # Overlapping patches with padding: any size, the maps' sizes are rounded up.
    "mit_b0": BackboneFacts("mit", (32, 64, 160, 256), head_width=256),
    "mit_b1": BackboneFacts("mit", _MIT_WIDE, head_width=256),
    "mit_b2": BackboneFacts("mit", _MIT_WIDE),
    "mit_b3": BackboneFacts("mit", _MIT_WIDE),
    "mit_b4": BackboneFacts("mit", _MIT_WIDE),
    "mit_b5": BackboneFacts("mit", _MIT_WIDE),
    # Patches of 4, halved twice; the last map has the size of the third.
    "fan_tiny_8_p4_hybrid": BackboneFacts("fan", (128, 256, 192, 192), size_step=16),
    "fan_small_12_p4_hybrid": BackboneFacts("fan", (128, 256, 384, 384), size_step=16),
    "fan_base_16_p4_hybrid": BackboneFacts("fan", (128, 256, 448, 448), size_step=16),
    "fan_large_16_p4_hybrid": BackboneFacts("fan", (128, 256, 480, 480), size_step=16),
    "vit_large_nvdinov2": _plain("dinov2", 1024),
    "vit_giant_nvdinov2": _plain("dinov2", 1536),
    "vit_small_dinov3": _plain("dinov3", 384),
    "vit_small_plus_dinov3": _plain("dinov3", 384),
    "vit_base_dinov3": _plain("dinov3", 768),
    "vit_large_dinov3": _plain("dinov3", 1024),
    "vit_huge_plus_dinov3": _plain("dinov3", 1280),
    "vit_base_nvclip_16_siglip": _plain("siglip", 768),
    "vit_huge_nvclip_14_siglip": _plain("siglip", 1280),
    # Patches of 4, halved three times without padding: else a border would be left out.
    "convnextv2_tiny": BackboneFacts("convnext", (96, 192, 384, 768), size_step=32),
    "convnextv2_base": BackboneFacts("convnext", (128, 256, 512, 1024), size_step=32),
    # Padded as TensorFlow pads: any size; the head has the width of the MiT of their size.
    "efficientnet_lite0": BackboneFacts("efficientnet_lite", (24, 40, 112, 320), head_width=256),
    "efficientnet_lite1": BackboneFacts("efficientnet_lite", (24, 40, 112, 320), head_width=256),
    "efficientnet_lite2": BackboneFacts("efficientnet_lite", (24, 48, 120, 352), head_width=256),
}


def map_channels(backbone: str, *, feat_downsample: bool) -> tuple[int, int, int, int]:
    """Return the channels of an encoder's four maps, finest first."""
    channels = BACKBONES[backbone].channels
    return (*channels[:3], DOWNSAMPLED_CHANNELS) if feat_downsample else channels


def size_fault(key: str, side: int, backbone: str) -> str | None:
    """The fault of an image's side in pixels, set by a dotted key; None when it is allowed."""
    facts = BACKBONES[backbone]
    nearest = facts.nearest_size(side)
    if side == nearest:
        return None
    step = f"multiples of {facts.size_step}" if facts.size_step > 1 else "any size"
    return (
        f"{key}: {side} is not allowed: {backbone} takes {step} from {MIN_SIZE} px;"
        f" the nearest is {nearest}"
    )


def is_hub_name(text: str) -> bool:
    """Whether weights are named as ``owner/name`` on Hugging Face's hub: no file and no path."""
    looks_so = re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", text) is not None
    is_file_name = Path(text).suffix in (".safetensors", ".pth", ".pt", ".bin", ".ckpt")
    return looks_so and not is_file_name and not Path(text).exists()
