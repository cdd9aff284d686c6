import logging
import math

import pytest
import torch
from networks import model_spec
from torch.nn import functional as F

from segformer.model.encoders.blocks import run_blocks
from segformer.model.encoders.efficientnet_lite import EfficientNetLite, InvertedBottleneck, Stage
from segformer.model.segformer import build
from segformer.model.weights import load_backbone

# Blocks as in the packages' network: (input, expansion, output, stride, kernel).
NARROW = ((32, 1, 16, 1, 3), (16, 6, 24, 2, 3), (24, 6, 40, 2, 5), (40, 6, 80, 2, 3),
          (80, 6, 112, 1, 5), (112, 6, 192, 2, 5), (192, 6, 320, 1, 3))  # fmt: skip
WIDE = ((32, 1, 16, 1, 3), (16, 6, 24, 2, 3), (24, 6, 48, 2, 5), (48, 6, 88, 2, 3),
        (88, 6, 120, 1, 5), (120, 6, 208, 2, 5), (208, 6, 352, 1, 3))  # fmt: skip
STAGES = {
    "efficientnet_lite0": (NARROW, (1, 2, 2, 3, 3, 4, 1)),
    "efficientnet_lite1": (NARROW, (1, 3, 3, 4, 4, 5, 1)),
    "efficientnet_lite2": (WIDE, (1, 3, 3, 4, 4, 5, 1)),
}
# Keys in the files of the packages, and millions of parameters with the classifier (TensorFlow's
# README of the lite models).
PUBLISHED = {
    "efficientnet_lite0": (296, 4.7),
    "efficientnet_lite1": (386, 5.4),
    "efficientnet_lite2": (386, 6.1),
}


def blocks(name):
    for (width, expansion, out, stride, kernel), count in zip(*STAGES[name], strict=True):
        for i in range(count):
            yield (out if i else width), expansion, out, (1 if i else stride), kernel


def conv(key, out, width, kernel):
    return {f"{key}.weight": torch.randn(out, width, kernel, kernel) / (kernel * width**0.5)}


def norm(key, width):
    values = {"weight": torch.rand(width) + 0.5, "bias": torch.randn(width) / 4}
    values |= {"running_mean": torch.randn(width) / 4, "running_var": torch.rand(width) + 0.5}
    values["num_batches_tracked"] = torch.tensor(9)
    return {f"{key}.{part}": value for part, value in values.items()}


def published(name):
    """Random weights of the whole classifier, named as in the packages."""
    weights = conv("_conv_stem", 32, 3, 3) | norm("_bn0", 32)
    for i, (width, expansion, out, _, kernel) in enumerate(blocks(name)):
        block, hidden = f"_blocks.{i}", width * expansion
        if expansion > 1:
            weights |= conv(f"{block}._expand_conv", hidden, width, 1)
            weights |= norm(f"{block}._bn0", hidden)
        weights |= conv(f"{block}._depthwise_conv", hidden, 1, kernel)
        weights |= norm(f"{block}._bn1", hidden)
        weights |= conv(f"{block}._project_conv", out, hidden, 1) | norm(f"{block}._bn2", out)
    weights |= conv("_conv_head", 1280, out, 1) | norm("_bn1", 1280)
    return weights | {"_fc.weight": torch.randn(1000, 1280), "_fc.bias": torch.randn(1000)}


def layer(weights, x, convolution, batch_norm, stride=1, groups=1, limit=6.0):
    """A convolution with TensorFlow's "same" padding, a norm, and ReLU6 unless limit is None."""
    kernel = weights[f"{convolution}.weight"]
    padding = []
    for size in (x.shape[3], x.shape[2]):
        total = max((math.ceil(size / stride) - 1) * stride + kernel.shape[2] - size, 0)
        padding += [total // 2, total - total // 2]
    x = F.conv2d(F.pad(x, padding), kernel, stride=stride, groups=groups)
    parts = ("running_mean", "running_var", "weight", "bias")
    x = F.batch_norm(x, *(weights[f"{batch_norm}.{part}"] for part in parts), eps=1e-3)
    return x if limit is None else x.clamp(0, limit)


def maps_of(name, weights, image):
    """The last outputs of each size, by the packages' network."""
    x, by_size = layer(weights, image, "_conv_stem", "_bn0", stride=2), {}
    for i, (width, expansion, out, stride, _) in enumerate(blocks(name)):
        block, y = f"_blocks.{i}", x
        if expansion > 1:
            y = layer(weights, y, f"{block}._expand_conv", f"{block}._bn0")
        y = layer(weights, y, f"{block}._depthwise_conv", f"{block}._bn1", stride, y.shape[1])
        y = layer(weights, y, f"{block}._project_conv", f"{block}._bn2", limit=None)
        x = x + y if stride == 1 and width == out else y
        by_size[x.shape[2:]] = x
    return list(by_size.values())[-4:]


@pytest.mark.parametrize("name", STAGES)
@torch.no_grad()
def test_maps_are_those_of_the_published_network(name, tmp_path, caplog):
    torch.manual_seed(0)
    weights, encoder = published(name), EfficientNetLite(name).eval()
    keys, millions = PUBLISHED[name]
    assert len(weights) == keys
    count = sum(value.numel() for key, value in weights.items() if "running" not in key)
    assert count / 1e6 == pytest.approx(millions, abs=0.06)
    torch.save(weights, tmp_path / "lite.pth")
    with caplog.at_level(logging.WARNING):
        load_backbone(encoder, tmp_path / "lite.pth", name=name)
    assert "8 do not fit and were left out: _bn1.bias" in caplog.text
    assert "stay random" not in caplog.text
    for size in ((64, 64), (97, 66)):
        image = torch.randn(1, 3, *size)
        for own, theirs in zip(encoder(image), maps_of(name, weights, image), strict=True):
            torch.testing.assert_close(own, theirs, atol=1e-4, rtol=1e-4)


def test_a_single_value_of_a_channel_is_normalised_by_the_running_statistics():
    encoder = EfficientNetLite("efficientnet_lite0").train()
    maps = encoder(torch.randn(1, 3, 32, 32))
    assert maps[-1].shape == (1, 320, 1, 1)
    maps[-1].sum().backward()
    assert encoder.blocks[-1].project.norm.num_batches_tracked == 0
    assert encoder.blocks[0].project.norm.num_batches_tracked == 1


def test_recomputed_activations_leave_the_running_statistics():
    states = []
    for again in (False, True):
        torch.manual_seed(0)
        blocks = [InvertedBottleneck(4, Stage(6, 4, 1, 1, 3), stride=1, drop_path_rate=0.1)]
        image = torch.randn(2, 4, 8, 8, requires_grad=True)
        run_blocks(blocks, image, recompute=again).sum().backward()
        states.append(blocks[0].state_dict())
    assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())


def test_frozen_lite_keeps_its_statistics():
    model = model_spec("efficientnet_lite0", backbone__freeze_backbone=True)
    network = build(model, num_classes=2).train()
    before = {key: value.clone() for key, value in network.backbone.state_dict().items()}
    network(torch.randn(2, 3, 32, 32))
    assert all(torch.equal(value, before[k]) for k, value in network.backbone.state_dict().items())
