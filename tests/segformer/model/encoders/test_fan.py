import pytest
import torch
from torch import nn

from segformer.model.encoders.fan import (
    LAYOUTS,
    ChannelAttention,
    FourierPositions,
    FullyAttentional,
)

# Millions of parameters of the ImageNet classifiers (FAN paper, the hybrids).
PUBLISHED = {
    "fan_tiny_8_p4_hybrid": 7.4,
    "fan_small_12_p4_hybrid": 26.3,
    "fan_base_16_p4_hybrid": 50.4,
    "fan_large_16_p4_hybrid": 76.8,
}


def classifier_parameters(width: int) -> int:
    """Those that a classifier has beside the encoder: two class attentions as in CaiT, a head."""
    block = 4 * (width * width + width) + 8 * width * width + 5 * width + 6 * width
    return 2 * block + width + 1000 * (width + 1)


@pytest.mark.parametrize("name", LAYOUTS)
def test_classifiers_have_the_published_number_of_parameters(name):
    with torch.device("meta"):
        encoder = FullyAttentional(name)
    count = sum(p.numel() for p in encoder.parameters())
    total = count + classifier_parameters(encoder.channels[-1])
    assert total / 1e6 == pytest.approx(PUBLISHED[name], rel=0.02)


def test_channel_attention_is_the_papers_equation():
    torch.manual_seed(0)
    attention = ChannelAttention(6)
    nn.init.normal_(attention.query.weight)
    tokens = torch.randn(2, 12, 6)
    z = tokens.transpose(1, 2)  # As in the paper: channels x tokens.
    sigma, prototype = z.softmax(dim=2), z.mean(dim=1, keepdim=True).softmax(dim=2)
    bias = attention.query.bias[:, None]
    projected = attention.query.weight @ sigma + bias  # The prototype adds up to 1.
    correlation = projected @ prototype.transpose(1, 2) / 12**0.5
    torch.testing.assert_close(attention.gate(tokens), torch.sigmoid(correlation).transpose(1, 2))
    expected = torch.sigmoid(correlation) * attention.mlp(tokens, 3, 4).transpose(1, 2)
    torch.testing.assert_close(attention(tokens, 3, 4), expected.transpose(1, 2))


def test_positions_differ_by_place_and_fit_any_size():
    positions = FourierPositions(8)
    embeddings = positions(3, 5)[0]
    assert embeddings.shape == (15, 8)
    assert len(embeddings.unique(dim=0)) == 15


@pytest.mark.parametrize("downsampled", [False, True])
def test_last_map_is_halved_by_maximum_or_by_a_convolution(downsampled):
    encoder = FullyAttentional("fan_tiny_8_p4_hybrid", feat_downsample=downsampled).eval()
    *_, third, last = encoder(torch.randn(1, 3, 48, 64))
    assert (third.shape, last.shape) == ((1, 192, 3, 4), (1, 192, 2, 2))
    assert (encoder.downsample is not None) == downsampled
    if not downsampled:  # The norms of both maps start alike.
        torch.testing.assert_close(last[0, :, 0, 0], third[0, :, :2, :2].amax(dim=(1, 2)))
