import pytest
import torch

from segformer.model.encoders.mit import MixTransformer


@pytest.mark.parametrize(("height", "width"), [(64, 64), (33, 50), (32, 97)])
def test_features_halve_and_are_rounded_up(height, width):
    encoder = MixTransformer("mit_b0").eval()
    features = encoder(torch.randn(2, 3, height, width))
    for feature, stride, channels in zip(features, (4, 8, 16, 32), encoder.channels, strict=True):
        assert feature.shape == (2, channels, -(-height // stride), -(-width // stride))


def test_convolutions_start_he_and_linear_layers_truncated_normal():
    encoder = MixTransformer("mit_b0")
    depthwise = encoder.stages[2].blocks[0].mlp.dwconv.dwconv.weight
    linear = encoder.stages[3].blocks[0].mlp.fc1.weight
    assert depthwise.std().item() == pytest.approx((2 / 9) ** 0.5, rel=0.05)
    assert linear.std().item() == pytest.approx(0.02, rel=0.05)


def test_trained_encoder_draws_paths():
    encoder = MixTransformer("mit_b0").train()
    image = torch.randn(4, 3, 32, 32)
    assert not torch.equal(encoder(image)[-1], encoder(image)[-1])
