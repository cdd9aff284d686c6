import torch
from transformers.models.convnextv2.modeling_convnextv2 import ConvNextV2Model

from segformer.model.encoders.convnext import ConvNextV2


@torch.no_grad()
def test_last_map_is_that_of_the_model_in_transformers_normalised():
    encoder = ConvNextV2("convnextv2_tiny").eval()
    model = ConvNextV2Model(encoder.config).eval()
    weights = {
        key.replace("stages.", "encoder.stages."): value
        for key, value in encoder.state_dict().items()
        if not key.startswith("norms.")
    }
    assert model.load_state_dict(weights, strict=False).unexpected_keys == []
    image = torch.randn(1, 3, 64, 32)
    expected = encoder.norms[3](model(image).last_hidden_state)
    torch.testing.assert_close(encoder(image)[-1], expected)
