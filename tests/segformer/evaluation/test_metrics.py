import math

import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import given
from hypothesis.strategies import lists, text

from segformer.errors import DataError
from segformer.evaluation.metrics import (
    Scores,
    Tally,
    confusion_matrix,
    pixel_loss,
    resize_logits,
    safe_names,
)

MATRIX = np.array([[6, 2, 0, 0], [1, 3, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]])
NAMES = ["road", "car", "never", "only predicted"]


@pytest.fixture
def scores():
    return Scores(MATRIX, loss=0.5)


def test_confusion_matrix_has_truth_in_rows_and_leaves_ignored_pixels_out():
    truth = torch.tensor([[0, 0, 1, 2, 255]])
    prediction = torch.tensor([[0, 1, 1, 0, 2]])
    matrix = confusion_matrix(prediction, truth, num_classes=3)
    assert matrix.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_class_in_neither_truth_nor_prediction_has_no_score_and_does_not_count(scores):
    assert scores.counts.iou == pytest.approx([6 / 9, 3 / 7, math.nan, 0.0], nan_ok=True)
    assert scores.summary()["miou"] == pytest.approx((6 / 9 + 3 / 7 + 0) / 3)


def test_precision_recall_and_f1_per_class(scores):
    assert scores.counts.precision == pytest.approx([6 / 7, 3 / 5, math.nan, 0.0], nan_ok=True)
    assert scores.counts.recall == pytest.approx([6 / 8, 3 / 5, math.nan, 0.0], nan_ok=True)
    assert scores.counts.f1 == pytest.approx([12 / 15, 6 / 10, math.nan, 0.0], nan_ok=True)


def test_macc_is_over_the_classes_in_the_truth_and_mrecall_over_all_seen(scores):
    summary = scores.summary()
    assert summary["acc"] == pytest.approx(9 / 13)
    assert summary["macc"] == pytest.approx((6 / 8 + 3 / 5) / 2)
    assert summary["mrecall"] == pytest.approx((6 / 8 + 3 / 5) / 3)


def test_metrics_are_named_by_split_and_class_and_hold_no_nan(scores):
    metrics = scores.metrics("val", NAMES)
    assert metrics["val_iou_road"] == pytest.approx(6 / 9)
    assert metrics["val_iou_only_predicted"] == 0.0
    assert metrics["val_precision_car"] == pytest.approx(3 / 5)
    assert metrics["val_recall_car"] == pytest.approx(3 / 5)
    assert metrics["val_f1_car"] == pytest.approx(6 / 10)
    assert metrics["val_loss"] == 0.5
    assert "val_iou_never" not in metrics
    assert all(map(math.isfinite, metrics.values()))


def test_a_constant_prediction_scores_as_its_most_frequent_class(scores):
    assert scores.constant() == pytest.approx({"constant_miou": 8 / 13 / 2, "constant_acc": 8 / 13})


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["cell (TAO: fg)", "tree"], ["cell_TAO_fg", "tree"]),
        (["a b", "a/b"], ["a_b_0", "a_b_1"]),
        (["車", "bus"], ["class_0", "bus"]),
        (["a!", "a_0", "a"], ["a_0_0", "a_0", "a_2"]),
    ],
)
def test_class_names_become_parts_of_metric_names(names, expected):
    assert safe_names(names) == expected


@given(lists(text("a!_0", max_size=4), max_size=5))
def test_parts_of_metric_names_all_differ(names):
    assert len(set(safe_names(names))) == len(names)


@pytest.mark.parametrize("seed", range(6))
def test_scores_are_scikit_learns(seed):
    draw = np.random.default_rng(seed)
    truth, prediction = draw.integers(0, 7, (2, 4, 20, 20)) % draw.integers(2, 8)
    truth[draw.random(truth.shape) < 0.2] = 255
    matrix = confusion_matrix(torch.tensor(prediction), torch.tensor(truth), num_classes=7)
    ours, summary = Scores(matrix.numpy(), loss=0.0), Scores(matrix.numpy(), loss=0.0).summary()
    y, x = truth[truth != 255], prediction[truth != 255]
    seen = np.union1d(x, y)
    assert np.isnan(np.delete(ours.counts.iou, seen)).all()
    theirs = sklearn.metrics.precision_recall_fscore_support(y, x, labels=seen, zero_division=0)
    for own, other in zip(
        (ours.counts.precision, ours.counts.recall, ours.counts.f1), theirs, strict=False
    ):
        assert own[seen] == pytest.approx(other)
    iou = sklearn.metrics.jaccard_score(y, x, labels=seen, average=None, zero_division=0)
    assert ours.counts.iou[seen] == pytest.approx(iou)
    assert summary["miou"] == pytest.approx(iou.mean())
    assert summary["acc"] == pytest.approx(sklearn.metrics.accuracy_score(y, x))
    recall = [np.mean(x[y == i] == i) for i in np.unique(y)]
    assert summary["macc"] == pytest.approx(np.mean(recall))


def test_tally_over_two_batches_equals_one_of_both():
    logits, mask = torch.randn(4, 3, 5, 6), torch.randint(0, 3, (4, 9, 11))
    mask[:, 0] = 255
    whole, parts = Tally(3, align_corners=False), Tally(3, align_corners=False)
    whole.add(logits, mask)
    for part in (slice(0, 3), slice(3, 4)):
        parts.add(logits[part], mask[part])
    one, other = whole.scores(what="all"), parts.scores(what="all")
    assert one.matrix.tolist() == other.matrix.tolist()
    assert one.matrix.sum() == (mask != 255).sum()
    assert one.loss == pytest.approx(other.loss, rel=1e-6)


def test_split_without_a_pixel_that_counts_is_refused():
    tally = Tally(2, align_corners=False)
    tally.add(torch.randn(1, 2, 4, 4), torch.full((1, 8, 8), 255))
    with pytest.raises(DataError, match="the test split: every pixel is ignored"):
        tally.scores(what="the test split")


def test_loss_is_the_sum_over_the_pixels_that_count():
    logits, mask = torch.randn(2, 3, 4, 5), torch.randint(0, 3, (2, 4, 5))
    mask[0, :2] = 255
    total, pixels = pixel_loss(logits, mask)
    mean = torch.nn.functional.cross_entropy(logits, mask, ignore_index=255)
    assert pixels == 30
    torch.testing.assert_close(total / pixels, mean)


@pytest.mark.parametrize("align_corners", [False, True])
def test_resizing_keeps_corner_values_only_when_asked(align_corners):
    logits = torch.arange(4.0).reshape(1, 1, 2, 2)
    resized = resize_logits(logits, (5, 7), align_corners=align_corners)
    assert resized.shape == (1, 1, 5, 7)
    assert resized[0, 0, 0, 1] == pytest.approx(1 / 6 if align_corners else 0.0)
