"""SegFormer: an encoder and the all-MLP head."""

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from segformer.model.encoders.blocks import Encoder
from segformer.model.head import AllMLPHead, FoldedHead
from segformer.model.quiet import quiet_imports
from segformer.spec.backbones import BACKBONES, map_channels
from segformer.spec.sections.model import Model

FAMILIES = {
    "mit": ("mit", "MixTransformer"),
    "fan": ("fan", "FullyAttentional"),
    "dinov2": ("vit", "Dinov2"),
    "dinov3": ("vit", "Dinov3"),
    "siglip": ("vit", "Siglip"),
    "convnext": ("convnext", "ConvNextV2"),
    "efficientnet_lite": ("efficientnet_lite", "EfficientNetLite"),
}
"""Module in `segformer.model.encoders` and encoder class of each family.

A family is loaded when one of its encoders is built: most need transformers, which takes seconds
to load, and an exported model needs none.
"""


class SegFormer(nn.Module):
    """Image BxIxHxW -> logits BxCx(H/4)x(W/4), rounded up; the encoder restricts H and W.

    If `in_index` leaves out the finest map, the logits have the size of the first that is read.
    """

    def __init__(
        self,
        backbone: Encoder,
        head: AllMLPHead,
        *,
        in_index: Sequence[int],
        frozen: bool,
        fixed_norms: str = "none",
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.in_index = tuple(in_index)
        self.frozen = frozen
        self.fixed_norms = fixed_norms
        backbone.published_part.requires_grad_(not frozen)
        if fixed_norms == "all":
            for norm in self._batch_norms():
                norm.requires_grad_(False)
        self.train()

    def forward(self, image: Tensor) -> Tensor:
        """Logits at a quarter of the image's size."""
        logits: Tensor = self.head(self.features(image))
        return logits

    def features(self, image: Tensor) -> list[Tensor]:
        """The maps that the head reads."""
        maps = self.backbone(image)
        return [maps[index] for index in self.in_index]

    def train(self, mode: bool = True) -> "SegFormer":
        """Switch to training mode, except for a frozen encoder and fixed batch norms.

        Those stay in evaluation mode: without drop path, and with fixed running statistics.
        """
        super().train(mode)
        self.backbone.published_part.train(mode and not self.frozen)
        if self.fixed_norms != "none":
            for norm in self._batch_norms():
                norm.eval()
        return self

    def _batch_norms(self) -> Iterator[nn.Module]:
        """Yield the encoder's; that of the head has nothing to start from."""
        yield from (m for m in self.backbone.modules() if isinstance(m, _BatchNorm))


class FoldedSegFormer(nn.Module):
    """A network in evaluation mode with a `FoldedHead`, for deployment."""

    def __init__(self, network: SegFormer) -> None:
        super().__init__()
        self.network = network
        self.head = FoldedHead(network.head)
        self.eval()

    def forward(self, image: Tensor) -> Tensor:
        """See `SegFormer.forward`."""
        logits: Tensor = self.head(self.network.features(image))
        return logits


def build(model: Model, *, num_classes: int, in_channels: int = 3) -> SegFormer:
    """Build the network of a spec, randomly initialised from torch's global generator."""
    backbone, decode_head = model.backbone, model.decode_head
    channels = map_channels(backbone.type, feat_downsample=backbone.feat_downsample)
    # The head takes its random weights before the encoder: the order is part of a seed's result.
    head = AllMLPHead(
        [channels[index] for index in decode_head.in_index],
        num_classes=num_classes,
        embed_dim=decode_head.decoder_params.embed_dim or BACKBONES[backbone.type].head_width,
        align_corners=decode_head.align_corners,
    )
    return SegFormer(
        _encoder(model, in_channels),
        head,
        in_index=decode_head.in_index,
        frozen=backbone.freeze_backbone,
        fixed_norms=backbone.freeze_batchnorm,
    )


def encoder_class(family: str) -> Callable[..., Encoder]:
    """Return the encoder class of a family, called with a name and options."""
    module, name = FAMILIES[family]
    with quiet_imports():
        made: Callable[..., Encoder] = getattr(
            import_module(f"segformer.model.encoders.{module}"), name
        )
    return made


def _encoder(model: Model, in_channels: int) -> Encoder:
    name = model.backbone.type
    options: dict[str, object] = {
        "in_channels": in_channels,
        "activation_checkpoint": model.activation_checkpoint,
    }
    if model.backbone.drop_path_rate is not None:
        options["drop_path_rate"] = model.backbone.drop_path_rate
    if model.backbone.feat_downsample:
        options["feat_downsample"] = True
    return encoder_class(BACKBONES[name].family)(name, **options)
