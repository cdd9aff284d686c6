import pytest
import torch
from torch.nn import functional as F

from segformer.model.resample import fitted, fitted_positions, resampled_kernel


def test_resampled_kernel_says_of_an_enlarged_patch_what_the_kernel_said_of_the_patch():
    kernel, patch = torch.randn(5, 3, 14, 14), torch.randn(1, 3, 14, 14)
    enlarged = F.interpolate(patch, size=(16, 16), mode="bilinear", align_corners=False)
    before, after = F.conv2d(patch, kernel), F.conv2d(enlarged, resampled_kernel(kernel, 16))
    torch.testing.assert_close(after, before, atol=1e-3, rtol=1e-3)


def test_positions_of_a_slope_stay_a_slope():
    grid = torch.linspace(0, 1, 8).repeat(8, 1).reshape(64, 1)
    rows = fitted_positions(grid, 16).reshape(4, 4)
    assert torch.equal(rows[0], rows[3])
    assert (rows[0].diff() > 0.2).all()


@pytest.mark.parametrize(
    ("given", "wanted", "kept"), [(17, 26, True), (17, 25, False), (16, 26, None), (18, 25, None)]
)
def test_token_before_the_grid_is_kept_left_out_or_missed(given, wanted, kept):
    value = torch.arange(float(given))[:, None] + 100
    rows = fitted_positions(value, wanted)
    if kept is None:
        assert rows is None
    else:
        assert len(rows) == wanted
        assert (rows[0].item() == 100) is kept


@pytest.mark.parametrize(
    ("key", "shape", "own"),
    [
        ("vit.embeddings.position_embeddings", (1, 10, 6), (1, 5, 6)),
        ("vit.embeddings.position_embedding.weight", (1, 16, 6), (9, 6)),
        ("vit.embeddings.patch_embeddings.projection.weight", (6, 3, 14, 14), (6, 3, 16, 16)),
        ("stages.0.layers.0.grn.weight", (8,), (1, 1, 1, 8)),
    ],
)
def test_weights_of_another_size_are_fitted(key, shape, own):
    assert fitted(key, torch.randn(shape), torch.empty(own)).shape == own


@pytest.mark.parametrize(
    ("key", "shape", "own"),
    [
        ("stages.0.blocks.0.mlp.fc1.weight", (16, 6), (9, 6)),
        ("vit.embeddings.position_embeddings", (1, 10, 6), (1, 5, 8)),
        ("vit.embeddings.patch_embeddings.weight", (6, 1, 14, 14), (6, 3, 16, 16)),
    ],
)
def test_weights_of_another_kind_are_not(key, shape, own):
    assert fitted(key, torch.randn(shape), torch.empty(own)) is None
