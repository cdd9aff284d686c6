"""Tests of segformer/model/segformer.py over all its encoders."""

import pytest
import torch
from networks import LIGHT, cut, model_spec

from segformer.model.head import AllMLPHead
from segformer.model.segformer import FoldedSegFormer, build
from segformer.spec.backbones import BACKBONES, STRIDES

# Millions of parameters: MiT as whole models for 150 classes (SegFormer paper, table 1), the
# others as encoders: DINOv2 and DINOv3 by their papers, ViT-B/16 and ViT-H/14 without a head by
# the ViT paper, ConvNeXt V2 by its paper less the classifier's 0.77 and 1.03, EfficientNet-Lite by
# TensorFlow's README less the classifier's 1.69 to 1.73.
PUBLISHED = {
    "mit_b0": 3.8,
    "mit_b1": 13.7,
    "mit_b2": 27.5,
    "mit_b3": 47.3,
    "mit_b4": 64.1,
    "mit_b5": 84.7,
    "vit_large_nvdinov2": 304,
    "vit_giant_nvdinov2": 1136,
    "vit_small_dinov3": 21.6,
    "vit_small_plus_dinov3": 28.7,
    "vit_base_dinov3": 85.7,
    "vit_large_dinov3": 303,
    "vit_huge_plus_dinov3": 841,
    "vit_base_nvclip_16_siglip": 86,
    "vit_huge_nvclip_14_siglip": 632,
    "convnextv2_tiny": 28.6 - 0.77,
    "convnextv2_base": 88.7 - 1.03,
    "efficientnet_lite0": 4.65 - 1.69,
    "efficientnet_lite1": 5.42 - 1.69,
    "efficientnet_lite2": 6.09 - 1.73,
}
HEAVY = {"mit_b4", "mit_b5", "vit_giant_nvdinov2", "vit_huge_plus_dinov3", "convnextv2_base"}


def on_meta(name):
    with torch.device("meta"):
        return build(model_spec(name), num_classes=150).eval()


def weighed(name, network):
    if name.startswith("mit"):
        return network
    return network.backbone.vit if name.startswith("vit") else network.backbone


def strides_of(name):
    """The last map of a FAN has the size of the third, as published."""
    return (*STRIDES[:3], 16) if BACKBONES[name].family == "fan" else STRIDES


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow) if n in HEAVY else n for n in BACKBONES],
)
def test_parameters_and_maps_are_as_published(name):
    network, image = on_meta(name), torch.zeros(2, 3, 96, 64, device="meta")
    for feature, stride, channels in zip(
        network.backbone(image), strides_of(name), BACKBONES[name].channels, strict=True
    ):
        assert feature.shape == (2, channels, 96 // stride, 64 // stride)
    assert network(image).shape == (2, 150, 24, 16)
    if name in PUBLISHED:
        count = sum(p.numel() for p in weighed(name, network).parameters())
        assert count / 1e6 == pytest.approx(PUBLISHED[name], rel=0.02)


@pytest.mark.parametrize("name", LIGHT)
def test_smallest_and_oblong_images_are_taken(name):
    network = build(model_spec(name, decode_head__decoder_params__embed_dim=8), num_classes=2)
    step = BACKBONES[name].size_step
    for height, width in ((32, 32), (32, 32 + step)):
        logits = network.eval()(torch.randn(1, 3, height, width))
        assert logits.shape == (1, 2, -(-height // 4), -(-width // 4))
        assert logits.isfinite().all()


@pytest.mark.parametrize("name", LIGHT)
def test_recomputed_activations_give_the_same_gradients(name):
    gradients = []
    for again in (False, True):
        torch.manual_seed(0)
        network = build(
            model_spec(name, activation_checkpoint=again, decode_head__decoder_params__embed_dim=8),
            num_classes=2,
        ).train()
        assert network.backbone.activation_checkpoint is again
        torch.manual_seed(1)
        network(torch.randn(2, 3, 32, 32)).square().mean().backward()
        gradients.append([p.grad for p in network.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


def test_recomputed_activations_are_not_kept():
    kept = []
    for again in (False, True):
        network = build(model_spec(activation_checkpoint=again), num_classes=2).train()
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x, sizes=sizes: (sizes.append(x.numel()), x)[1], lambda x: x
        ):
            network(torch.randn(1, 3, 64, 64))
        kept.append(sum(sizes))
    assert kept[1] < 0.6 * kept[0]


@pytest.mark.parametrize(
    "name",
    ["mit_b0", "fan_tiny_8_p4_hybrid", "convnextv2_tiny", "efficientnet_lite0", "vit_small_dinov3"],
)
@pytest.mark.parametrize("rate", [0.0, 0.9])
def test_paths_are_dropped_at_the_rate_of_the_spec(name, rate):
    network = build(model_spec(name, backbone__drop_path_rate=rate), num_classes=2)
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    image = torch.randn(4, 3, 64, 64)
    with torch.no_grad():
        one, other = (network.backbone(image)[-1] for _ in range(2))
    assert torch.equal(one, other) == (rate == 0.0)


@pytest.mark.parametrize("mode", ["none", "statistics", "all"])
def test_batch_norms_of_the_encoder_are_frozen_as_the_spec_says(mode):
    spec = model_spec("efficientnet_lite0", backbone__freeze_batchnorm=mode)
    network = build(spec, num_classes=2).eval().train()
    norm, head = network.backbone.stem.norm, network.head.norm
    before = norm.running_mean.clone()
    network(torch.randn(2, 3, 32, 32))
    assert torch.equal(norm.running_mean, before) == (mode != "none")
    assert norm.weight.requires_grad == norm.bias.requires_grad == (mode != "all")
    assert head.training
    assert head.weight.requires_grad
    assert network.backbone.stem.conv.weight.requires_grad


@pytest.mark.parametrize("name", ["mit_b0", "fan_tiny_8_p4_hybrid", "convnextv2_tiny"])
def test_frozen_encoder_keeps_its_weights_and_draws_no_paths(name):
    network = build(model_spec(name, backbone__freeze_backbone=True), num_classes=2).train()
    image = torch.randn(4, 3, 32, 32)
    assert torch.equal(network.backbone(image)[-1], network.backbone(image)[-1])
    assert not any(p.requires_grad for p in network.backbone.parameters())
    assert all(p.requires_grad for p in network.head.parameters())
    assert not network.backbone.training
    assert network.head.training


def test_pyramid_of_a_frozen_plain_transformer_learns(monkeypatch):
    cut(monkeypatch, depth=1)
    frozen = model_spec("vit_small_dinov3", backbone__freeze_backbone=True)
    backbone = build(frozen, num_classes=2).train().backbone
    assert not any(p.requires_grad for p in backbone.vit.parameters())
    assert all(p.requires_grad for p in backbone.pyramid.parameters())
    assert not backbone.vit.training


def test_norms_of_a_frozen_encoder_keep_their_statistics():
    network = build(model_spec(backbone__freeze_backbone=True), num_classes=2)
    network.backbone.norm = torch.nn.BatchNorm2d(3)
    network.train().backbone.norm(torch.randn(2, 3, 8, 8) + 5)
    assert torch.equal(network.backbone.norm.running_mean, torch.zeros(3))


def test_trained_encoder_draws_paths():
    network = build(model_spec("fan_tiny_8_p4_hybrid"), num_classes=2).train()
    image = torch.randn(8, 3, 32, 32)
    assert not torch.equal(network.backbone(image)[-1], network.backbone(image)[-1])


def test_head_reads_the_maps_of_in_index():
    network = build(model_spec(decode_head__in_index=[1, 3]), num_classes=2).eval()
    image = torch.randn(1, 3, 64, 64)
    assert network(image).shape == (1, 2, 8, 8)
    maps = network.backbone(image)
    torch.testing.assert_close(network.head([maps[1], maps[3]]), network(image))
    torch.testing.assert_close(FoldedSegFormer(network)(image), network(image))


def test_corners_of_the_spec_reach_the_head():
    assert build(model_spec(decode_head__align_corners=True), num_classes=2).head.align_corners


def test_head_has_the_width_of_the_spec_or_the_published_one():
    assert build(model_spec(), num_classes=2).head.fuse.out_channels == 256
    wide = build(model_spec(decode_head__decoder_params__embed_dim=24), num_classes=2)
    assert wide.head.fuse.out_channels == 24


def test_same_seed_gives_same_weights_and_other_seed_others():
    def weights(seed):
        torch.manual_seed(seed)
        return build(model_spec("fan_tiny_8_p4_hybrid"), num_classes=2).state_dict()

    one, same, other = weights(1), weights(1), weights(2)
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not torch.equal(one["backbone.tokens.weight"], other["backbone.tokens.weight"])


def test_the_head_takes_the_first_random_weights_of_a_seed():
    spec = model_spec("mit_b0")
    torch.manual_seed(7)
    network = build(spec, num_classes=3)
    torch.manual_seed(7)
    head = AllMLPHead(BACKBONES["mit_b0"].channels, num_classes=3, embed_dim=256)
    weights = zip(network.head.parameters(), head.parameters(), strict=True)
    assert all(torch.equal(own, first) for own, first in weights)
