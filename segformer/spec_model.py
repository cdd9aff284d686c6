"""The part of the spec that says what the network is."""

from typing import Literal

from segformer.fields import Node, PositiveInt, section, setting


class Backbone(Node):
    """The encoder."""

    type: Literal["mit_b0", "mit_b1", "mit_b2", "mit_b3", "mit_b4", "mit_b5"] = setting(
        "mit_b0", "Backbone", "Encoder, small to large"
    )
    freeze_backbone: bool = setting(
        False, "Freeze", "Keep the encoder as it is; searched when it starts from given weights",
        automl=True,
        active_when=[
            {"model.backbone.pretrained_backbone_path": {"not": ""}},
            {"train.pretrained_model_path": {"not": ""}},
        ],
    )  # fmt: skip
    pretrained_backbone_path: str = setting(
        "", "Encoder weights", "Weights that the encoder starts from; empty: random", is_path=True
    )


class DecoderParams(Node):
    """Sizes of the head."""

    embed_dim: PositiveInt | None = setting(
        None, "Head width", "Channels of the head; null: as published for the backbone"
    )


class DecodeHead(Node):
    """The all-MLP head."""

    decoder_params: DecoderParams = section(DecoderParams, "Sizes of the head")
    align_corners: bool = setting(
        False, "Align corners", "Whether corner pixels keep their place in bilinear resizing"
    )


class Model(Node):
    """The network."""

    backbone: Backbone = section(Backbone, "Encoder")
    decode_head: DecodeHead = section(DecodeHead, "Head")
