import pytest
import torch
from torch.nn import functional as F

from segformer.model.head import AllMLPHead, FoldedHead

CHANNELS = (8, 16, 24, 32)
SIZES = ((17, 12), (9, 6), (5, 3), (3, 2))


def make_head(align_corners: bool = False) -> AllMLPHead:
    torch.manual_seed(0)
    head = AllMLPHead(CHANNELS, num_classes=4, embed_dim=20, align_corners=align_corners)
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return head.eval()


def features() -> list[torch.Tensor]:
    return [torch.randn(2, c, *size) for c, size in zip(CHANNELS, SIZES, strict=True)]


def published_form(head: AllMLPHead, maps: list[torch.Tensor]) -> torch.Tensor:
    """Project, upsample, concatenate coarsest first, fuse, normalise, classify."""
    upsampled = [
        F.interpolate(
            linear(x.movedim(1, -1)).movedim(-1, 1),
            size=SIZES[0],
            mode="bilinear",
            align_corners=head.align_corners,
        )
        for linear, x in zip(head.projections, maps, strict=True)
    ]
    fused = head.norm(head.fuse(torch.cat(upsampled[::-1], dim=1)))
    return head.classifier(F.relu(fused))


@pytest.mark.parametrize("align_corners", [False, True])
def test_fusing_before_upsampling_equals_the_published_form(align_corners):
    head, maps = make_head(align_corners), features()
    with torch.no_grad():
        torch.testing.assert_close(head(maps), published_form(head, maps), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("align_corners", [False, True])
def test_folded_head_is_the_same_function(align_corners):
    head, maps = make_head(align_corners), features()
    head.norm.running_mean.normal_()
    head.norm.running_var.uniform_(0.5, 2.0)
    with torch.no_grad():
        torch.testing.assert_close(FoldedHead(head)(maps), head(maps), atol=1e-4, rtol=1e-4)


def test_gradients_equal_those_of_the_published_form():
    head, maps = make_head(), features()
    ours = torch.autograd.grad(head(maps).square().mean(), list(head.parameters()))
    published = torch.autograd.grad(
        published_form(head, maps).square().mean(), list(head.parameters())
    )
    for one, other in zip(ours, published, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)


def test_one_image_can_be_trained_on():
    head = make_head().train()
    logits = head([torch.randn(1, c, *size) for c, size in zip(CHANNELS, SIZES, strict=True)])
    assert logits.shape == (1, 4, *SIZES[0])
    assert logits.isfinite().all()


def test_a_map_too_few_is_refused():
    with pytest.raises(ValueError, match="zip"):
        make_head()(features()[:3])
