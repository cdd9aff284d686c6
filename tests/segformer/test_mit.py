import pytest
import torch

from segformer.model.mit import LAYOUTS, MixTransformer
from segformer.model.segformer import build
from segformer.spec import parse
from segformer.spec_model import Model

# Whole models as published for 150 classes (SegFormer paper, table 1), in millions.
PUBLISHED = {
    "mit_b0": 3.8,
    "mit_b1": 13.7,
    "mit_b2": 27.5,
    "mit_b3": 47.3,
    "mit_b4": 64.1,
    "mit_b5": 84.7,
}


def model_spec(name: str = "mit_b0", **backbone: object) -> Model:
    return parse({"model": {"backbone": {"type": name, **backbone}}}).model


@pytest.mark.parametrize("name", LAYOUTS)
def test_whole_model_has_the_published_number_of_parameters(name):
    with torch.device("meta"):
        network = build(model_spec(name), num_classes=150)
    millions = sum(p.numel() for p in network.parameters()) / 1e6
    assert millions == pytest.approx(PUBLISHED[name], rel=0.02)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (33, 50), (32, 97)])
def test_features_halve_and_logits_are_a_quarter_rounded_up(height, width):
    network = build(model_spec(), num_classes=5).eval()
    image = torch.randn(2, 3, height, width)
    features = network.backbone(image)
    for feature, stride, channels in zip(
        features, (4, 8, 16, 32), network.backbone.channels, strict=True
    ):
        assert feature.shape == (2, channels, -(-height // stride), -(-width // stride))
    assert network(image).shape == (2, 5, -(-height // 4), -(-width // 4))


def test_same_seed_gives_same_weights_and_other_seed_others():
    def first_weight(seed):
        torch.manual_seed(seed)
        return MixTransformer("mit_b0").stages[0].patch_embeddings.proj.weight

    assert torch.equal(first_weight(1), first_weight(1))
    assert not torch.equal(first_weight(1), first_weight(2))


def test_convolutions_start_he_and_linear_layers_truncated_normal():
    encoder = MixTransformer("mit_b0")
    depthwise = encoder.stages[2].blocks[0].mlp.dwconv.dwconv.weight
    linear = encoder.stages[3].blocks[0].mlp.fc1.weight
    assert depthwise.std().item() == pytest.approx((2 / 9) ** 0.5, rel=0.05)
    assert linear.std().item() == pytest.approx(0.02, rel=0.05)


def test_frozen_encoder_keeps_its_weights_and_draws_no_paths():
    network = build(model_spec(freeze_backbone=True), num_classes=2).train()
    image = torch.randn(1, 3, 32, 32)
    assert torch.equal(network.backbone(image)[-1], network.backbone(image)[-1])
    assert not any(p.requires_grad for p in network.backbone.parameters())
    assert all(p.requires_grad for p in network.head.parameters())
    assert not network.backbone.training
    assert network.head.training


def test_trained_encoder_draws_paths():
    encoder = MixTransformer("mit_b0").train()
    image = torch.randn(4, 3, 32, 32)
    assert not torch.equal(encoder(image)[-1], encoder(image)[-1])
