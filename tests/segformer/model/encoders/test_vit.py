import pytest
import torch
from networks import cut
from transformers.models.dinov2.modeling_dinov2 import Dinov2Model
from transformers.models.dinov3_vit.modeling_dinov3_vit import DINOv3ViTModel
from transformers.models.siglip.modeling_siglip import SiglipVisionModel

from segformer.model.encoders import vit
from segformer.model.encoders.vit import Dinov2, Dinov3, Siglip

KINDS = [
    (Dinov2, vit.DINOV2, "vit_large_nvdinov2", Dinov2Model),
    (Dinov3, vit.DINOV3, "vit_small_plus_dinov3", DINOv3ViTModel),
    (Siglip, vit.SIGLIP, "vit_base_nvclip_16_siglip", SiglipVisionModel),
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind[0].__name__)
def pair(request, monkeypatch):
    """An encoder of two blocks, and the model of transformers that it is made of."""
    kind, configs, name, published = request.param
    cut(monkeypatch)
    encoder, model = kind(name).eval(), published(configs[name]).eval()
    model.load_state_dict(encoder.vit.state_dict(), strict=False)
    return encoder, model


@torch.no_grad()
def test_tokens_are_those_of_the_model_in_transformers(pair):
    encoder, model = pair
    image = torch.randn(2, 3, 48, 64)
    options = {"interpolate_pos_encoding": True} if isinstance(encoder, Siglip) else {}
    expected = model(image, **options).last_hidden_state
    torch.testing.assert_close(encoder.tokens(image, 3, 4), expected)
    third = encoder.pyramid.norms[2]
    rows = expected[:, encoder.prefix :].transpose(1, 2).reshape(2, -1, 3, 4)
    torch.testing.assert_close(encoder(image)[2], third(rows))


def test_tokens_have_a_gradient_in_every_parameter(pair):
    encoder, _ = pair
    sum(feature.square().sum() for feature in encoder.train()(torch.randn(1, 3, 32, 32))).backward()
    assert [name for name, p in encoder.named_parameters() if p.grad is None] == []
