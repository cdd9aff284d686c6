import torch

from segformer.model.encoders.pyramid import FeaturePyramid


def test_maps_double_halve_and_round_up():
    maps = FeaturePyramid(16)(torch.randn(2, 16, 3, 5))
    assert [tuple(x.shape[1:]) for x in maps] == [
        (4, 12, 20),
        (8, 6, 10),
        (16, 3, 5),
        (16, 2, 3),
    ]


def test_channels_of_every_place_are_normalised():
    maps = FeaturePyramid(64)(5 + 3 * torch.randn(1, 64, 4, 4))
    for x in maps:
        torch.testing.assert_close(x.mean(dim=1), torch.zeros_like(x[:, 0]), atol=1e-5, rtol=0)
