import math

import pytest
import torch

from segformer.spec.sections.loss import TrainSegment
from segformer.training.losses import build_loss
from segformer.training.pixel_losses import cross_entropy, focal_loss

ONES = torch.ones(2)
SHARES = (0.9, 0.6, 0.3)
MASK = torch.tensor([[[1, 1, 1, 255]]])


def logits_of(*shares):
    """Logits 1x2x1xN whose softmax gives class 1 these shares."""
    share = torch.tensor([[*shares, 0.5]])
    return torch.stack([1 - share, share]).log()[None]


def built(**settings):
    return build_loss(TrainSegment(**settings), num_classes=2)


def test_focal_lessens_the_part_of_pixels_that_are_right():
    loss = built(loss="focal", focal_gamma=2.0)
    expected = sum(-((1 - p) ** 2) * math.log(p) for p in SHARES) / 3
    assert float(loss(logits_of(*SHARES), MASK)) == pytest.approx(expected)
    same = focal_loss(logits_of(*SHARES), MASK, ONES, gamma=0.0)
    assert float(same) == pytest.approx(float(cross_entropy(logits_of(*SHARES), MASK, ONES)))


@pytest.mark.parametrize(("threshold", "hard"), [(0.95, 3), (0.7, 2), (0.5, 1)])
def test_ohem_counts_the_pixels_below_its_threshold(threshold, hard):
    loss = built(loss="ohem", ohem_threshold=threshold, ohem_kept_share=0.01)
    expected = sum(-math.log(p) for p in sorted(SHARES)[:hard]) / hard
    assert float(loss(logits_of(*SHARES), MASK)) == pytest.approx(expected)


@pytest.mark.parametrize(("share", "hard"), [(0.3, 1), (0.5, 2), (1.0, 3)])
def test_ohem_keeps_a_share_of_the_pixels_in_any_case(share, hard):
    loss = built(loss="ohem", ohem_threshold=0.0, ohem_kept_share=share)
    assert float(loss(logits_of(*SHARES), MASK)) == pytest.approx(
        sum(-math.log(p) for p in sorted(SHARES)[:hard]) / hard
    )


@pytest.mark.parametrize("name", ["ce", "focal", "ohem"])
def test_label_smoothing_spreads_a_share_of_the_target(name):
    settings = {"focal": {"focal_gamma": 0.0}, "ohem": {"ohem_kept_share": 1.0}}.get(name, {})
    loss = built(loss=name, label_smoothing=0.2, **settings)
    expected = sum(-0.9 * math.log(p) - 0.1 * math.log(1 - p) for p in SHARES) / 3
    assert float(loss(logits_of(*SHARES), MASK)) == pytest.approx(expected)
