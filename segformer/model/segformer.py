"""SegFormer: an encoder and the all-MLP head."""

from torch import Tensor, nn

from segformer.model.head import AllMLPHead
from segformer.model.mit import LAYOUTS, MixTransformer
from segformer.spec_model import Model

EMBED_DIMS: dict[str, int] = {
    name: 256 if name in ("mit_b0", "mit_b1") else 768 for name in LAYOUTS
}
"""Width of the head as published for each encoder."""


class SegFormer(nn.Module):
    """Image Bx3xHxW -> logits BxCx(H/4)x(W/4), sizes rounded up; H and W of 32 or more."""

    def __init__(self, backbone: MixTransformer, head: AllMLPHead, *, frozen: bool) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.frozen = frozen
        backbone.requires_grad_(not frozen)
        self.train()

    def forward(self, image: Tensor) -> Tensor:
        """Logits at a quarter of the image's size."""
        logits: Tensor = self.head(self.backbone(image))
        return logits

    def train(self, mode: bool = True) -> "SegFormer":
        """Switch to training, save for a frozen encoder: that stays without drop path."""
        super().train(mode)
        self.backbone.train(mode and not self.frozen)
        return self


def build(model: Model, *, num_classes: int) -> SegFormer:
    """The network of a spec, randomly initialised from torch's global generator."""
    name = model.backbone.type
    backbone = MixTransformer(name)
    head = AllMLPHead(
        backbone.channels,
        num_classes=num_classes,
        embed_dim=model.decode_head.decoder_params.embed_dim or EMBED_DIMS[name],
        align_corners=model.decode_head.align_corners,
    )
    return SegFormer(backbone, head, frozen=model.backbone.freeze_backbone)
