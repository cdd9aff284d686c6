import math
import random

import numpy as np
import pytest
import torch

from segformer.errors import DataError, DivergedError
from segformer.model.segformer import build
from segformer.training.module import SegmentationModule


@pytest.fixture
def module(tiny_spec):
    spec = tiny_spec()
    network = build(spec.model, num_classes=3)
    return SegmentationModule(network, spec, batches_per_epoch=3)


def batch(mask_value=None):
    mask = torch.randint(0, 3, (2, 32, 32))
    return {
        "image": torch.randn(2, 3, 32, 32),
        "mask": mask if mask_value is None else mask * 0 + mask_value,
    }


def test_loss_of_an_untrained_model_is_that_of_guessing(module):
    loss = module.training_step(batch(), 0)
    assert loss.item() == pytest.approx(math.log(3), rel=0.2)


def test_batch_of_ignored_pixels_gives_zero_loss_and_zero_gradients(module):
    loss = module.training_step(batch(mask_value=255), 0)
    loss.backward()
    assert loss.item() == 0.0
    assert all(p.grad is None or not p.grad.any() for p in module.parameters())


@pytest.mark.parametrize(("full", "parts"), [(1, [1, 1, 1]), (2, [1, 1, 2]), (4, [4 / 3] * 3)])
def test_last_batches_of_an_epoch_make_a_mean_of_as_many_as_they_are(tiny_spec, full, parts):
    spec = tiny_spec(**{"train.accumulate_grad_batches": full, "dataset.segment.batch_size": 2})
    module = SegmentationModule(build(spec.model, num_classes=3), spec, batches_per_epoch=3).eval()
    same = batch()
    plain = SegmentationModule(module.model, tiny_spec(), batches_per_epoch=3).training_step(
        same, 0
    )
    losses = [(module.training_step(same, index) / plain).item() for index in range(3)]
    assert losses == pytest.approx(parts)


def test_loss_is_of_single_precision_under_autocast(module):
    with torch.autocast("cpu", torch.bfloat16):
        assert module.model(batch()["image"]).dtype is torch.bfloat16
        assert module.training_step(batch(), 0).dtype is torch.float32


@pytest.mark.parametrize("name", ["mit_b0", "efficientnet_lite0"])
def test_channels_last_gives_the_same_loss_and_gradients(tiny_spec, name):
    # Of the smallest image the last map is one pixel, of which two are no statistics.
    torch.manual_seed(2)
    same = {"image": torch.randn(4, 3, 64, 64), "mask": torch.randint(0, 3, (4, 64, 64))}
    losses, gradients = [], []
    for is_last in (False, True):
        spec = tiny_spec(**{"model.backbone.type": name, "train.channels_last": is_last})
        torch.manual_seed(0)
        module = SegmentationModule(build(spec.model, num_classes=3), spec, batches_per_epoch=3)
        torch.manual_seed(1)
        losses.append(module.training_step(same, 0))
        losses[-1].backward()
        gradients.append([p.grad for p in module.parameters() if p.grad is not None])
    convolutions = [p for p in module.parameters() if p.ndim == 4 and p[0, 0].numel() > 1]
    assert all(p.is_contiguous(memory_format=torch.channels_last) for p in convolutions)
    torch.testing.assert_close(losses[1], losses[0])
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-3, atol=1e-3)


def test_random_numbers_of_a_step_depend_on_nothing_but_the_step(module):
    def drawn(batch_idx):
        module.on_train_batch_start(batch(), batch_idx)
        return torch.rand(3).tolist(), random.random(), float(np.random.rand())

    first, second = drawn(0), drawn(1)
    assert first != second
    assert drawn(0) == first


def test_infinite_training_loss_is_a_divergence_that_says_what_to_lower(module):
    torch.nn.init.constant_(module.model.head.classifier.weight, math.inf)
    with pytest.raises(DivergedError, match=r"training loss .* epoch 1; lower train\.optim\.lr"):
        module.training_step(batch(), 0)


def test_a_device_that_is_not_waited_for_is_asked_now_and_then(tiny_spec, monkeypatch):
    monkeypatch.setattr("segformer.training.module.CHECK_EVERY", {})
    spec = tiny_spec()
    network = build(spec.model, num_classes=3)
    module = SegmentationModule(network, spec, batches_per_epoch=31)
    torch.nn.init.constant_(module.model.head.classifier.weight, math.inf)
    for step in (*range(1, 20), *range(21, 30)):
        module.training_step(batch(), step)
    for step in (20, 30):
        with pytest.raises(DivergedError, match="training loss"):
            module.training_step(batch(), step)
    with pytest.raises(DivergedError, match="training loss"):
        module.on_save_checkpoint({})


def test_infinite_validation_loss_is_a_divergence(module):
    torch.nn.init.constant_(module.model.head.classifier.weight, math.nan)
    module.on_validation_epoch_start()
    module.validation_step(batch(), 0)
    with pytest.raises(DivergedError, match="validation loss"):
        module.on_validation_epoch_end()


def test_validation_split_without_a_pixel_that_counts_is_refused(module):
    module.on_validation_epoch_start()
    module.validation_step(batch(mask_value=255), 0)
    with pytest.raises(DataError, match="the validation split: every pixel is ignored"):
        module.on_validation_epoch_end()


def test_metrics_are_of_one_epoch(module):
    module.eval()
    for _ in range(2):
        module.on_train_epoch_start()
        assert module.metrics == {}
        module.training_step(batch(), 0)
        module.on_validation_epoch_start()
        module.validation_step(batch(), 0)
        module.on_validation_epoch_end()
    assert {"train_loss", "val_loss", "val_miou", "val_iou_left_part"} <= module.metrics.keys()
    assert module.metrics["train_loss"] == pytest.approx(math.log(3), rel=0.2)
