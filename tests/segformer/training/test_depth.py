import pytest
import torch

from segformer.model.encoders.convnext import DEPTHS
from segformer.model.segformer import build
from segformer.spec import parse
from segformer.training.depth import depths

BLOCKS = {
    "mit_b1": 8,
    "fan_tiny_8_p4_hybrid": 3 + 3 + 8,
    "vit_large_nvdinov2": 24,
    "vit_small_dinov3": 12,
    "vit_base_nvclip_16_siglip": 12,
    "efficientnet_lite0": 16,
    "convnextv2_tiny": sum(DEPTHS["convnextv2_tiny"]),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_depth_counts_the_blocks_of_every_family_in_the_order_of_the_image(name):
    spec = parse({"model": {"backbone": {"type": name}}})
    with torch.device("meta"):
        encoder = build(spec.model, num_classes=2).backbone
    values = list(depths(encoder).values())
    assert values == sorted(values)
    assert sorted(set(values)) == list(range(BLOCKS[name] + 1))
