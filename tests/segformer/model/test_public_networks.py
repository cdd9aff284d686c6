"""Weights of each public network that transformers has give the network's own maps.

The others are written apart from their published names: see test_fan.py and
test_efficientnet_lite.py.
"""

import pytest
import torch
from networks import cut
from transformers.models.convnextv2.modeling_convnextv2 import ConvNextV2ForImageClassification
from transformers.models.dinov2.modeling_dinov2 import Dinov2Model
from transformers.models.dinov3_vit.modeling_dinov3_vit import DINOv3ViTModel
from transformers.models.segformer.modeling_segformer import SegformerForImageClassification
from transformers.models.siglip.modeling_siglip import SiglipVisionModel

from segformer.model.encoders import convnext, mit, vit
from segformer.model.public_weights import PUBLIC_WEIGHTS
from segformer.model.segformer import encoder_class
from segformer.model.weights import load_backbone
from segformer.spec.backbones import BACKBONES

NAMES = list(dict.fromkeys(weights.encoder for weights in PUBLIC_WEIGHTS))
OURS_ALONE = ("fan", "efficientnet_lite")


def mit_network(name, encoder):
    network = SegformerForImageClassification(mit.transformers_config(name)).eval()

    def maps(image):
        return network.segformer(image, output_hidden_states=True).hidden_states

    return network, maps, encoder


def convnext_network(name, encoder):
    network = ConvNextV2ForImageClassification(encoder.config).eval()

    def maps(image):
        stages = network.convnextv2(image, output_hidden_states=True).hidden_states[1:]
        # The norms of the maps are ours: a classifier has none there.
        return [norm(x) for norm, x in zip(encoder.norms, stages, strict=True)]

    return network, maps, encoder


def vit_network(kind, configs, **options):
    def make(name, encoder):
        network = kind(configs[name]).eval()

        def tokens(image):
            return encoder.tokens(image, image.shape[2] // 16, image.shape[3] // 16)

        return network, lambda image: network(image, **options).last_hidden_state, tokens

    return make


NETWORKS = {
    "mit": mit_network,
    "convnext": convnext_network,
    "dinov2": vit_network(Dinov2Model, vit.DINOV2),
    "dinov3": vit_network(DINOv3ViTModel, vit.DINOV3),
    "siglip": vit_network(SiglipVisionModel, vit.SIGLIP, interpolate_pos_encoding=True),
}


@torch.no_grad()
@pytest.mark.parametrize("name", [n for n in NAMES if BACKBONES[n].family not in OURS_ALONE])
def test_random_weights_of_the_public_network_give_its_maps(name, tmp_path, monkeypatch, caplog):
    cut(monkeypatch, depth=1)  # A name does not depend on the number of blocks.
    for depths in (mit.DEPTHS, convnext.DEPTHS):
        monkeypatch.setitem(depths, name, (1, 1, 1, 1))
    torch.manual_seed(0)
    family = BACKBONES[name].family
    encoder = encoder_class(family)(name).eval()
    network, theirs, ours = NETWORKS[family](name, encoder)
    for parameter in network.parameters():
        parameter.add_(torch.empty_like(parameter).uniform_(-0.05, 0.05))
    file = tmp_path / "network.pth"
    torch.save(network.state_dict(), file)
    load_backbone(encoder, file, name=name)
    file.unlink()
    assert "resampled" not in caplog.text
    image = torch.randn(1, 3, 64, 96)
    for own, published in zip(ours(image), theirs(image), strict=True):
        torch.testing.assert_close(own, published, atol=1e-4, rtol=1e-4)


def test_every_public_network_has_such_a_test():
    assert {BACKBONES[name].family for name in NAMES} == {*NETWORKS, *OURS_ALONE}
