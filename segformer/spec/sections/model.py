"""The spec's model section: the network."""

from typing import Any, Literal

from pydantic import ValidationInfo, field_validator

from segformer.spec.backbones import BACKBONES, STRIDES, map_channels
from segformer.spec.fields import Int, Node, PositiveInt, Share, section, setting

BackboneName = Literal[
    "mit_b0",
    "mit_b1",
    "mit_b2",
    "mit_b3",
    "mit_b4",
    "mit_b5",
    "fan_tiny_8_p4_hybrid",
    "fan_small_12_p4_hybrid",
    "fan_base_16_p4_hybrid",
    "fan_large_16_p4_hybrid",
    "vit_large_nvdinov2",
    "vit_giant_nvdinov2",
    "vit_small_dinov3",
    "vit_small_plus_dinov3",
    "vit_base_dinov3",
    "vit_large_dinov3",
    "vit_huge_plus_dinov3",
    "vit_base_nvclip_16_siglip",
    "vit_huge_nvclip_14_siglip",
    "convnextv2_tiny",
    "convnextv2_base",
    "efficientnet_lite0",
    "efficientnet_lite1",
    "efficientnet_lite2",
]


def _trained_with(fact: str) -> list[dict[str, Any]]:
    """The condition of a field that acts on encoders with a fact, while they are trained."""
    names = [name for name, facts in BACKBONES.items() if getattr(facts, fact)]
    return [{"model.backbone.type": n, "model.backbone.freeze_backbone": False} for n in names]


_HAS = {
    "drop_path_rate": ("has_drop_path", "drop path"),
    "freeze_batchnorm": ("has_batchnorm", "batch norm"),
}
"""The fact of an encoder that a field needs, and its name."""


class Backbone(Node):
    """The encoder."""

    type: BackboneName = setting("fan_small_12_p4_hybrid", "Backbone", "Encoder")
    freeze_backbone: bool = setting(
        False, "Freeze", "Do not train the encoder; searched only if it starts from given weights",
        automl=True,
        active_when=[
            {"model.backbone.pretrained_backbone_path": {"not": ""}},
            {"train.pretrained_model_path": {"not": ""}},
        ],
    )  # fmt: skip
    pretrained_backbone_path: str = setting(
        "", "Encoder weights",
        "Initial weights of the encoder: a file, a folder of transformers, owner/name on Hugging"
        " Face's hub, or package:NAME of an installed package; empty: random",
        is_path=True,
    )  # fmt: skip
    feat_downsample: bool = setting(
        False, "Downsample features",
        "FAN only: halve its last map, which else stays at 1/16, by a convolution to 768 channels",
    )  # fmt: skip

    drop_path_rate: Share | None = setting(
        None, "Drop path",
        "Share of images for which the last block of the encoder is left out in a step, rising from"
        " 0 at the first block; null: 0.1, and 0 for a plain ViT, whose blocks all have this rate",
        active_when=_trained_with("has_drop_path"),
    )  # fmt: skip
    freeze_batchnorm: Literal["none", "statistics", "all"] = setting(
        "none", "Freeze batch norms",
        "Of the encoder's batch norms keep nothing, the running statistics, or these and scale and"
        " shift (all) as they are in the initial weights",
        active_when=_trained_with("has_batchnorm"),
    )  # fmt: skip

    @field_validator("drop_path_rate", "freeze_batchnorm")
    @classmethod
    def _of_the_encoder(cls, value: Any, info: ValidationInfo) -> Any:
        name, is_frozen = info.data.get("type"), info.data.get("freeze_backbone")
        if value in (None, "none") or name not in BACKBONES:
            return value
        has, what = _HAS[str(info.field_name)]
        if not getattr(BACKBONES[name], has):
            raise ValueError(f"{name} has no {what}")
        if is_frozen:
            raise ValueError("has an effect only with model.backbone.freeze_backbone=false")
        return value

    @field_validator("feat_downsample")
    @classmethod
    def _for_fan(cls, value: bool, info: ValidationInfo) -> bool:
        name = info.data.get("type")
        if value and name in BACKBONES and BACKBONES[name].family != "fan":
            raise ValueError(f"must be false with {name}: only a fan_* backbone can downsample")
        return value


class DecoderParams(Node):
    """Sizes of the head."""

    embed_dim: PositiveInt | None = setting(
        None, "Head width", "Channels of the head; null: as published for the backbone"
    )


class DecodeHead(Node):
    """The all-MLP head."""

    decoder_params: DecoderParams = section(DecoderParams, "Sizes of the head")
    align_corners: bool = setting(
        False, "Align corners", "Align the corner pixels in bilinear resizing"
    )
    feature_strides: list[Int] = setting(
        list(STRIDES),
        "Strides",
        "Nominal strides of the encoder's four maps; the last map of a FAN is at 16 by default",
    )
    in_channels: list[PositiveInt] | None = setting(
        None, "Channels", "Channels of the encoder's four maps; null: those of the backbone",
        automl=False,
    )  # fmt: skip
    in_index: list[Int] = setting(
        [0, 1, 2, 3], "Maps",
        "Which of the encoder's maps the head reads, finest first; the logits have the size of the"
        " first",
        min_length=1,
    )  # fmt: skip

    @field_validator("feature_strides")
    @classmethod
    def _as_they_are(cls, value: list[int]) -> list[int]:
        if value != list(STRIDES):
            raise ValueError(f"must be {list(STRIDES)}: the strides are those of the encoder")
        return value

    @field_validator("in_index")
    @classmethod
    def _of_four_in_order(cls, value: list[int]) -> list[int]:
        if value != sorted(set(value) & set(range(len(STRIDES)))):
            raise ValueError("must be some of 0, 1, 2, 3, each once and in this order")
        return value


class Model(Node):
    """The network."""

    backbone: Backbone = section(Backbone, "Encoder")
    decode_head: DecodeHead = section(DecodeHead, "Head")
    activation_checkpoint: bool = setting(
        False, "Activation checkpointing",
        "Recompute the encoder's activations in the backward pass instead of storing them: less"
        " memory, about a third more time, the same gradients",
    )  # fmt: skip
    precise_msda: bool = setting(
        False, "Precise deformable attention", "Must be false: no backbone here has this attention"
    )

    @field_validator("precise_msda")
    @classmethod
    def _has_no_msda(cls, value: bool) -> bool:
        if value:
            raise ValueError(
                "must be false: no backbone here has multi-scale deformable attention; plain ViTs"
                " get their maps from a simple feature pyramid"
            )
        return value


def channels_fault(model: Model) -> str | None:
    """The fault of in_channels that are not the backbone's; None when they are."""
    channels, backbone = model.decode_head.in_channels, model.backbone
    own = list(map_channels(backbone.type, feat_downsample=backbone.feat_downsample))
    if channels is None or channels == own:
        return None
    return (
        f"model.decode_head.in_channels: {channels} is not allowed: the maps of"
        f" {backbone.type} have {own} channels; leave it out"
    )
