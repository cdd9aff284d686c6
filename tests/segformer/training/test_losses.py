import math
from typing import get_args

import numpy as np
import pytest
import torch

from segformer.spec.sections.loss import LossName, TrainSegment
from segformer.training.losses import (
    boundary_loss,
    build_loss,
    dice_loss,
    lovasz_softmax,
    min_mean_iou_loss,
)
from segformer.training.pixel_losses import cross_entropy

TERMS = [cross_entropy, dice_loss, min_mean_iou_loss, lovasz_softmax, boundary_loss]
NAMES = get_args(LossName)
ONES = torch.ones(2)


def logits_of(shares):
    """Logits 1x2xHxW whose softmax gives class 1 these shares, HxW."""
    share = torch.tensor(shares, dtype=torch.float32)
    return torch.stack([1 - share, share]).clamp(min=1e-30).log()[None]


def halves(size=12, at=6):
    """Return a mask 1 x size x size of class 0 left of a column and class 1 from it on."""
    mask = torch.zeros(1, size, size, dtype=torch.int64)
    mask[:, :, at:] = 1
    return mask


def sure(mask):
    """Return logits that predict a mask with certainty."""
    return torch.nn.functional.one_hot(mask, 2).movedim(-1, 1) * 200.0 - 100.0


@pytest.mark.parametrize("term", TERMS)
def test_a_sure_and_right_prediction_has_no_loss(term):
    assert float(term(sure(halves()), halves(), ONES)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("term", [dice_loss, min_mean_iou_loss, lovasz_softmax, boundary_loss])
def test_a_sure_and_wrong_prediction_has_all_the_loss(term):
    wrong = 1 - halves() if term is not boundary_loss else torch.zeros_like(halves())
    assert float(term(sure(wrong), halves(), ONES)) == pytest.approx(1, abs=1e-6)


def test_cross_entropy_is_the_mean_of_the_pixels_as_their_classes_weigh():
    logits, mask = logits_of([[0.25, 0.5, 0.9]]), torch.tensor([[[0, 1, 255]]])
    parts = -math.log(0.75), -math.log(0.5)
    assert float(cross_entropy(logits, mask, ONES)) == pytest.approx(sum(parts) / 2)
    weighted = float(cross_entropy(logits, mask, torch.tensor([3.0, 1.0])))
    assert weighted == pytest.approx((3 * parts[0] + parts[1]) / 4)


def test_soft_iou_is_that_of_the_paper():
    logits, mask = logits_of([[0.2, 0.6]]), torch.tensor([[[0, 1]]])
    # Class 0: p = .8, .4, y = 1, 0; class 1: p = .2, .6, y = 0, 1.
    iou = 0.8 / (1.2 + 1 - 0.8), 0.6 / (0.8 + 1 - 0.6)
    expected = 1 - (sum(iou) / 2 + min(iou)) / 2
    assert float(min_mean_iou_loss(logits, mask, ONES)) == pytest.approx(expected)


def test_dice_is_twice_the_common_part_over_both():
    logits, mask = logits_of([[0.2, 0.6]]), torch.tensor([[[0, 1]]])
    # Class 0: p = .8, .4, y = 1, 0; class 1: p = .2, .6, y = 0, 1.
    dice = 2 * 0.8 / (1.2 + 1), 2 * 0.6 / (0.8 + 1)
    assert float(dice_loss(logits, mask, ONES)) == pytest.approx(1 - sum(dice) / 2)


def test_lovasz_of_two_pixels_is_worked_out_by_hand():
    logits, mask = logits_of([[0.3, 0.6]]), torch.tensor([[[0, 1]]])
    # Both classes: errors .4 at the pixel of class 1 and .3 at that of class 0. For class 1 the
    # largest error, its one pixel, has slope 1, the other 0; for class 0 the slopes are 1/2, 1/2.
    expected = (0.4 * 1 + 0.3 * 0 + 0.4 * 0.5 + 0.3 * 0.5) / 2
    assert float(lovasz_softmax(logits, mask, ONES)) == pytest.approx(expected)


def test_lovasz_of_sure_predictions_is_one_minus_the_iou():
    mask, predicted = halves(at=6), halves(at=8)
    iou = 72 / 96, 48 / 72
    loss = float(lovasz_softmax(sure(predicted), mask, ONES))
    assert loss == pytest.approx(1 - sum(iou) / 2, abs=1e-6)


def test_lovasz_of_many_pixels_is_that_of_every_few(monkeypatch):
    torch.manual_seed(0)
    logits, mask = torch.randn(1, 2, 5, 8), torch.randint(0, 2, (1, 5, 8))
    mask[:, 0] = 255  # 32 pixels count: of at most 11 every third.
    few = logits[:, :, 1:].flatten(2)[..., ::3, None], mask[:, 1:].flatten(1)[:, ::3, None]
    expected = float(lovasz_softmax(*few, ONES))
    monkeypatch.setattr("segformer.training.losses._MOST_PIXELS", 11)
    assert float(lovasz_softmax(logits, mask, ONES)) == pytest.approx(expected)


@pytest.mark.parametrize(("shift", "expected"), [(0, 0.0), (1, 0.0), (2, 0.0), (5, 1.0)])
def test_a_boundary_within_two_pixels_of_the_true_one_is_right(shift, expected):
    mask, predicted = halves(size=20, at=8), halves(size=20, at=8 + shift)
    assert float(boundary_loss(sure(predicted), mask, ONES)) == pytest.approx(expected, abs=1e-6)


def test_a_boundary_beside_pixels_that_do_not_count_is_left_out():
    mask, wrong = halves(size=20, at=8), halves(size=20, at=14)
    mask[:, :, 8:11] = 255
    assert float(boundary_loss(sure(wrong), mask, ONES)) == 0.0


@pytest.mark.parametrize("term", TERMS)
def test_pixels_that_do_not_count_have_no_part(term):
    torch.manual_seed(0)
    mask = halves()
    mask[:, :4] = 255
    logits = torch.randn(1, 2, 12, 12)
    other = logits.clone()
    other[:, :, :4] = torch.randn(1, 2, 4, 12)
    if term is boundary_loss:  # Its windows reach a pixel into what does not count.
        other[:, :, 3] = logits[:, :, 3]
    assert torch.equal(term(logits, mask, ONES), term(other, mask, ONES))


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_without_a_pixel_that_counts_has_no_loss_and_no_gradient(name):
    logits = torch.randn(2, 3, 8, 8, requires_grad=True)
    loss = build_loss(TrainSegment(loss=name), num_classes=3)
    value = loss(logits, torch.full((2, 8, 8), 255))
    value.backward()
    assert value.item() == 0.0
    assert not logits.grad.any()


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_numbers_and_lessen_the_loss(name):
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 8, 8, requires_grad=True)
    mask = torch.randint(0, 3, (2, 8, 8))
    mask[0, :2] = 255
    loss = build_loss(TrainSegment(loss=name), num_classes=3)
    before = loss(logits, mask)
    before.backward()
    assert torch.isfinite(logits.grad).all()
    assert loss(logits.detach() - 0.5 * logits.grad, mask) < before


@pytest.mark.parametrize("name", NAMES)
def test_a_class_of_weight_0_has_no_part(name):
    torch.manual_seed(0)
    logits, mask = torch.randn(1, 3, 16, 16), torch.zeros(1, 16, 16, dtype=torch.int64)
    mask[:, :, 5:], mask[:, :, 10:] = 1, 2
    wrong = logits.clone()
    wrong[:, 1:, :, 12:] += torch.tensor([4.0, -4.0])[None, :, None, None]
    # The class of weight 1 keeps its probabilities.
    same = logits[:, 1:, :, 12:].logsumexp(1) - wrong[:, 1:, :, 12:].logsumexp(1)
    wrong[:, 1:, :, 12:] += same[:, None]
    changes = []
    for weights in ([1.0, 1.0, 1.0], [1.0, 0.0, 0.0]):
        loss = build_loss(TrainSegment(loss=name, weights=weights), num_classes=3)
        changes.append(abs(float(loss(wrong, mask) - loss(logits, mask))))
    assert changes[0] > 0.01
    assert changes[1] < 1e-5


@pytest.mark.parametrize(("kind", "ratio"), [("sqrt", 3.0), ("enet", 5.76)])
def test_class_balance_weighs_the_rare_class_more(kind, ratio):
    counts = np.array([[600, 0, 50], [300, 0, 50]])  # Shares of .9, 0 and .1.
    settings = TrainSegment(class_balance=kind)
    loss = build_loss(settings, num_classes=3, counts=counts)
    mask = torch.tensor([[[0, 2, 255, 255]]])
    wrong, logits = [torch.zeros(1, 3, 1, 4) for _ in range(2)]
    wrong[0, 1, 0, 2:] = 5.0
    assert float(loss(wrong, mask)) == pytest.approx(math.log(3))
    gradients = logits.requires_grad_()
    loss(gradients, mask).backward()
    common, rare = gradients.grad[0, 1, 0, :2].tolist()
    assert rare / common == pytest.approx(ratio, rel=0.05)


@pytest.mark.parametrize("name", NAMES)
def test_logits_far_apart_and_an_image_of_one_class_give_finite_gradients(name):
    logits = torch.full((2, 2, 8, 8), 60.0)
    logits[:, 1] = -60.0
    logits.requires_grad_()
    mask = torch.zeros(2, 8, 8, dtype=torch.int64)
    mask[1] = 1
    settings = {"focal_gamma": 0.5} if name.startswith("focal") else {}
    loss = build_loss(TrainSegment(loss=name, **settings), num_classes=2)(logits, mask)
    with torch.autocast("cpu", torch.bfloat16):
        again = build_loss(TrainSegment(loss=name, **settings), num_classes=2)(logits, mask)
    loss.backward()
    assert torch.isfinite(logits.grad).all()
    assert again.dtype is torch.float32
    assert again.item() == pytest.approx(loss.item())


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("ce_")])
def test_iou_weight_is_the_share_of_the_second_term(name):
    torch.manual_seed(0)
    logits, mask = torch.randn(1, 2, 12, 12), halves()
    at = {
        share: float(
            build_loss(TrainSegment(loss=name, iou_weight=share), num_classes=2)(logits, mask)
        )
        for share in (0.0, 0.25, 1.0)
    }
    assert at[0.0] == pytest.approx(float(cross_entropy(logits, mask, ONES)))
    assert at[0.25] == pytest.approx(0.75 * at[0.0] + 0.25 * at[1.0])
