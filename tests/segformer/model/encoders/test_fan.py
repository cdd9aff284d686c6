import argparse

import pytest
import torch

from segformer.model.encoders.fan import LAYOUTS, ChannelAttention, FourierPositions, Refinement
from segformer.model.segformer import encoder_class
from segformer.model.weights import load_backbone
from segformer.spec.backbones import BACKBONES

NAME = "fan_tiny_8_p4_hybrid"
# Millions of parameters of the ImageNet classifiers (FAN paper, the hybrids).
PUBLISHED = {
    "fan_tiny_8_p4_hybrid": 7.4,
    "fan_small_12_p4_hybrid": 26.3,
    "fan_base_16_p4_hybrid": 50.4,
    "fan_large_16_p4_hybrid": 76.8,
}


def encoder(name=NAME, **options):
    return encoder_class("fan")(name, **options).eval()


def layer(key, *shape, bias=True):
    return {f"{key}.weight": shape, **({f"{key}.bias": shape[:1]} if bias else {})}


def stem_shapes(widths, depths):
    """The ConvNeXt stages below the tokens."""
    root = "patch_embed.backbone"
    yield layer(f"{root}.stem.0", widths[0], 3, 4, 4) | layer(f"{root}.stem.1", widths[0])
    for i, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        if i:
            down = f"{root}.stages.{i}.downsample"
            yield layer(f"{down}.0", widths[i - 1]) | layer(f"{down}.1", width, widths[i - 1], 2, 2)
        for j in range(depth):
            block = f"{root}.stages.{i}.blocks.{j}"
            yield layer(f"{block}.conv_dw", width, 1, 7, 7) | layer(f"{block}.norm", width)
            yield layer(f"{block}.mlp.fc1", 4 * width, width, 1, 1)
            yield layer(f"{block}.mlp.fc2", width, 4 * width, 1, 1)
            yield {f"{block}.gamma": (width,)}


def block_shapes(block, w, heads):
    """A block of token and channel attention of width w."""
    yield {f"{block}.gamma{i}": (w,) for i in (1, 2)}
    yield layer(f"{block}.norm1", w) | layer(f"{block}.norm2", w)
    yield layer(f"{block}.attn.q", w, w) | layer(f"{block}.attn.kv", 2 * w, w)
    yield layer(f"{block}.attn.proj", w, w) | layer(f"{block}.mlp.q", w, w)
    yield {f"{block}.mlp.temperature": (heads, 1, 1)} | layer(f"{block}.mlp.norm_v", w)
    mlp = f"{block}.mlp.mlp_v"
    yield layer(f"{mlp}.fc1", 4 * w, w) | layer(f"{mlp}.fc2", w, 4 * w)
    yield {f"{mlp}.gamma": (4 * w,)} | layer(f"{mlp}.dwconv.bn", 4 * w)
    yield {f"{mlp}.dwconv.bn.running_{kind}": (4 * w,) for kind in ("mean", "var")}
    yield {f"{mlp}.dwconv.bn.num_batches_tracked": ()}
    for i in (1, 2):
        yield layer(f"{mlp}.dwconv.conv{i}", 4 * w, 1, 3, 3)


def classifier_shapes(w):
    """The class token, its two blocks and the head."""
    yield {"cls_token": (1, 1, w)} | layer("norm", w) | layer("head", 1000, w)
    for block in ("cls_attn_blocks.0", "cls_attn_blocks.1"):
        yield {f"{block}.gamma{i}": (w,) for i in (1, 2)}
        yield layer(f"{block}.norm1", w) | layer(f"{block}.norm2", w)
        for name in "q", "k", "v", "proj":
            yield layer(f"{block}.attn.{name}", w, w)
        yield layer(f"{block}.mlp.fc1", 4 * w, w) | layer(f"{block}.mlp.fc2", w, 4 * w)


def published_shapes(name, *, feat_downsample=False):
    """Names and shapes in a file of the authors, by rule: facts of https://github.com/NVlabs/FAN."""
    layout, widths = LAYOUTS[name], BACKBONES[name].channels
    width, shapes = widths[-1], {}
    parts = [*stem_shapes(widths[:2], layout.stem)]
    parts.append(layer("patch_embed.proj", width, widths[1], 2, 2))
    parts.append(layer("pos_embed.token_projection", width, 64, 1, 1))
    for i in range(layout.depth):
        parts += block_shapes(f"blocks.{i}", width, layout.heads)
    parts += classifier_shapes(width)
    if feat_downsample:
        parts.append(layer("learnable_downsample", 768, width, 3, 3))
    for part in parts:
        shapes |= part
    return shapes


def published_weights(name, prefix="", **options):
    return {
        f"{prefix}{key}": torch.randn(shape) if shape else torch.tensor(7)
        for key, shape in published_shapes(name, **options).items()
    }


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_rule_gives_the_published_number_of_parameters(name):
    counted = {k: s for k, s in published_shapes(name).items() if "running" not in k and s}
    total = sum(torch.Size(shape).numel() for shape in counted.values())
    assert total / 1e6 == pytest.approx(PUBLISHED[name], rel=0.02)


@pytest.mark.parametrize("feat_downsample", [False, True])
@pytest.mark.parametrize("name", LAYOUTS)
def test_every_weight_of_the_authors_files_is_used(tmp_path, caplog, name, feat_downsample):
    weights = published_weights(name, feat_downsample=feat_downsample)
    torch.save(weights, tmp_path / "fan.pth")
    network = encoder(name, feat_downsample=feat_downsample)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    load_backbone(network, tmp_path / "fan.pth", name=name)
    assert caplog.text == ""  # It would list what is left out, and what stays random.
    same = [key for key, value in network.state_dict().items() if value.equal(before[key])]
    assert same == []


FILES = {
    "timm": lambda w: {"arch": NAME, "args": argparse.Namespace(lr=1), "state_dict": w("module.")},
    "mmseg": lambda w: {
        "state_dict": w("backbone.") | {"decode_head.conv_seg.bias": torch.ones(2)}
    },
    "TAO": lambda w: {
        "state_dict": w("model.backbone.") | {"model.decoder.linear_pred.bias": torch.ones(2)}
    },
}


@pytest.mark.parametrize("kind", FILES)
def test_files_of_each_kind_give_the_same_encoder(tmp_path, caplog, kind):
    def weights(prefix):
        torch.manual_seed(0)
        return published_weights(NAME, prefix)

    plain, wrapped = encoder(), encoder()
    torch.save(weights(""), tmp_path / "plain.pth")
    torch.save(FILES[kind](weights), tmp_path / "wrapped.pth")
    load_backbone(plain, tmp_path / "plain.pth", name=NAME)
    load_backbone(wrapped, tmp_path / "wrapped.pth", name=NAME)
    assert caplog.text == ""
    expected, state = plain.state_dict(), wrapped.state_dict()
    assert all(value.equal(state[key]) for key, value in expected.items())


@pytest.mark.parametrize("channels", [1, 3])
def test_the_norms_of_the_stem_divide_by_the_unbiased_deviation(channels):
    torch.manual_seed(0)
    stage = encoder().stem[1]
    norm = stage.downsampling_layer[0] if channels == 1 else stage.layers[2].layernorm
    norm.weight.data.uniform_(0.5, 1.5)
    norm.bias.data.uniform_(-0.5, 0.5)
    x = torch.randn(2, 3, 4, len(norm.weight))
    variance, mean = torch.var_mean(x, dim=3, keepdim=True)
    expected = (x - mean) * torch.rsqrt(variance + 1e-6) * norm.weight + norm.bias
    found = norm(x.movedim(3, channels)).movedim(channels, 3)
    torch.testing.assert_close(found, expected)


def test_the_weight_of_a_channel_is_the_sigmoid_of_its_headwise_correlation():
    torch.manual_seed(0)
    attention = ChannelAttention(6, heads=2)
    attention.temperature.data = torch.tensor([2.0, 3.0]).reshape(2, 1, 1)
    tokens = torch.randn(2, 12, 6)
    query, key = attention.query(tokens).softmax(dim=1), tokens.softmax(dim=1)
    gate = attention.gate(tokens)
    for channel in range(6):
        head = channel // 3
        mean = key[..., 3 * head : 3 * head + 3].mean(dim=2)
        correlation = (query[..., channel] * mean).sum(dim=1)
        expected = attention.temperature[head, 0, 0] * torch.sigmoid(correlation)
        torch.testing.assert_close(gate[:, 0, channel], expected)


def test_a_refinement_is_what_class_attention_does_to_the_tokens_of_the_image():
    torch.manual_seed(0)
    block, tokens = Refinement(6), torch.randn(2, 5, 6)
    block.scale.data.uniform_(0.5, 1.5)
    attended = block.norm2(tokens + block.scale * block.norm1(tokens))
    torch.testing.assert_close(block(tokens), attended + attended)


def test_positions_differ_by_place_and_fit_any_size():
    positions = FourierPositions(8)
    embeddings = positions(3, 5)[0]
    assert embeddings.shape == (15, 8)
    assert len(embeddings.unique(dim=0)) == 15


@pytest.mark.parametrize(("feat_downsample", "last"), [(False, (192, 3, 4)), (True, (768, 2, 2))])
def test_the_last_map_has_the_size_of_the_third_or_is_halved(feat_downsample, last):
    network = encoder(feat_downsample=feat_downsample)
    maps = network(torch.randn(1, 3, 48, 64))
    assert maps[2].shape == (1, 192, 3, 4)
    assert maps[3].shape == (1, *last)
    assert network.channels[3] == last[0]
