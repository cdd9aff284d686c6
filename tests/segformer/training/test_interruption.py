"""A training that was cut, wherever, is the one that was not."""

import logging
from contextlib import contextmanager

import pytest
import torch
from runs import state, status_lines
from torch.optim.optimizer import register_optimizer_step_post_hook

from segformer.errors import CheckpointError
from segformer.training.loop import train

pytestmark = pytest.mark.slow

EVERY_STEP = {"train.checkpoint_interval_unit": "step", "train.optim.lr": 1e-2}
_AUGMENTATION = "dataset.segment.augmentation"
RECIPE = {
    "model.backbone.type": "efficientnet_lite0",
    "model.backbone.drop_path_rate": 0.2,
    "model.backbone.freeze_batchnorm": "all",
    "train.optim.head_lr_ratio": 3.0,
    "train.optim.layer_decay": 0.8,
    "train.optim.encoder_delay_share": 0.25,
    "train.optim.policy": "constant",
    "train.optim.cooldown_share": 0.5,
    "train.segment.loss": "ohem_dice",
    "train.segment.ohem_kept_share": 0.3,
    "train.segment.label_smoothing": 0.1,
    "train.segment.class_balance": "enet",
    "train.ema.enable": True,
    "train.ema.horizon_share": 0.5,
    "train.accumulate_grad_batches": 2,
    "train.clip_grad_norm": 0.5,
    "train.channels_last": True,
    "dataset.segment.sampling": "rare_class",
    "dataset.segment.rare_class_temperature": 0.05,
    "dataset.segment.has_up": True,
    f"{_AUGMENTATION}.random_color.strength": 0.5,
    f"{_AUGMENTATION}.random_mix.mix_probability": 0.5,
    f"{_AUGMENTATION}.random_mix.kind": "classmix",
    f"{_AUGMENTATION}.copy_paste_probability": 0.5,
}
PARTS = ("state_dict", "optimizer_states", "lr_schedulers", "segformer", "global_step")


def same(one, other):
    """Compare nested values, tensors bit for bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@contextmanager
def cut_after(steps):
    """Let the process "die" just after the optimiser has made so many steps."""
    made = []

    def step_made(*_):
        made.append(1)
        if len(made) == steps:
            raise ConnectionAbortedError("cut")

    hook = register_optimizer_step_post_hook(step_made)
    try:
        yield
    finally:
        hook.remove()


def train_cut(spec, folder, *, every):
    """Train, cut again and again; returns how often."""
    for cuts in range(100):
        try:
            with cut_after(every):
                train(spec, folder)
        except ConnectionAbortedError:
            continue
        return cuts
    raise AssertionError("no step was made between the cuts")


@pytest.mark.parametrize(
    ("overrides", "every", "cuts"),
    [
        ({}, 2, 5),
        (
            {
                **{"train.ema.enable": True, "train.ema.decay": 0.9},
                **{"train.accumulate_grad_batches": 2, "train.clip_grad_norm": 0.5},
                **{"train.optim.policy": "cosine", "train.segment.loss": "ce_lovasz"},
                **{"dataset.segment.batch_size": 1},
            },
            2,
            5,
        ),
        ({"dataset.segment.workers": 1, "train.optim.optim": "sgd"}, 3, 2),
        (RECIPE, 2, 3),
    ],
    ids=["plain", "all", "workers", "recipe"],
)
def test_training_cut_at_any_step_is_the_one_that_was_not(
    tiny_spec, tmp_path, overrides, every, cuts
):
    whole = train(tiny_spec(**EVERY_STEP, **overrides), tmp_path / "whole")
    # A cut loses the step that it comes after; all others are on disk.
    assert train_cut(tiny_spec(**EVERY_STEP, **overrides), tmp_path / "cut", every=every) == cuts
    for part in PARTS:
        assert same(state(tmp_path / "whole")[part], state(tmp_path / "cut")[part])
    best = [state(tmp_path / name, "best") for name in ("whole", "cut")]
    assert same(*best)
    assert best[0]["segformer"]["metrics"]["val_miou"] == whole.metrics["val_miou"]


def test_a_cache_on_disk_does_not_change_the_training(trained, tiny_spec, tmp_path, monkeypatch):
    monkeypatch.setenv("AUTOML_CACHE", str(tmp_path / "cache"))
    train(tiny_spec(**{"dataset.segment.cache": "disk"}), tmp_path / "results")
    assert same(state(trained.folder)["state_dict"], state(tmp_path / "results")["state_dict"])


def test_interval_of_the_checkpoints_does_not_change_the_training(trained, tiny_spec, tmp_path):
    train(tiny_spec(**{"train.checkpoint_interval_unit": "step"}), tmp_path)
    assert same(state(trained.folder)["state_dict"], state(tmp_path)["state_dict"])


def cut_short(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_torn_checkpoint_is_skipped_with_a_warning_for_the_one_before_it(
    trained, tiny_spec, tmp_path
):
    train(tiny_spec(), tmp_path)
    cut_short(tmp_path / "checkpoints/last.ckpt")
    heard = []
    train(tiny_spec(), tmp_path, lambda epoch, _: heard.append(epoch) or "continue")
    assert heard == [1, 2]
    assert same(state(tmp_path)["state_dict"], state(trained.folder)["state_dict"])
    messages = [line["message"] for line in status_lines(tmp_path)]
    (warning,) = [text for text in messages if text.startswith("warning: ")]
    assert "skipped for previous.ckpt" in warning
    assert "last.ckpt: cannot be read" in warning
    assert "skipped for previous.ckpt" in (tmp_path / "log.txt").read_text()


def test_kill_between_the_two_renames_leaves_the_one_before(tiny_spec, tmp_path):
    train(tiny_spec(), tmp_path, lambda *_: "pause")
    last = tmp_path / "checkpoints/last.ckpt"
    last.rename(last.with_name("previous.ckpt"))
    heard = []
    train(tiny_spec(), tmp_path, lambda epoch, _: heard.append(epoch) or "continue")
    assert heard == [1, 2]


def test_torn_checkpoints_without_a_whole_one_are_refused(tiny_spec, tmp_path):
    train(tiny_spec(), tmp_path)
    for name in ("last", "previous"):
        cut_short(tmp_path / f"checkpoints/{name}.ckpt")
    with pytest.raises(CheckpointError, match=r"last\.ckpt: cannot be read .* remove this one"):
        train(tiny_spec(), tmp_path)


def test_torn_best_is_told_and_made_anew(tiny_spec, tmp_path):
    train(tiny_spec(**{"train.num_epochs": 2}), tmp_path, lambda *_: "pause")
    cut_short(tmp_path / "checkpoints/best.ckpt")
    train(tiny_spec(**{"train.num_epochs": 2}), tmp_path, lambda *_: "stop")
    assert state(tmp_path, "best")["segformer"]["epoch"] == 1
    assert "left out: " in (tmp_path / "status.json").read_text()


@pytest.mark.parametrize(
    ("overrides", "match"),
    [
        (
            {"dataset.segment.batch_size": 1, "train.accumulate_grad_batches": 2},
            "was trained with batch_size 2, the spec says 1",
        ),
        ({"train.seed": 7}, "was trained with seed 1234, the spec says 7"),
        ({"train.ema.enable": True}, "with train.ema.enable False, the spec says True"),
    ],
)
def test_place_within_an_epoch_is_that_of_one_spec(tiny_spec, tmp_path, overrides, match):
    with pytest.raises(ConnectionAbortedError), cut_after(2):
        train(tiny_spec(**EVERY_STEP), tmp_path)
    # Without it the checkpoints are as if copied from another training.
    (tmp_path / "training.json").unlink()
    with pytest.raises(CheckpointError, match=match):
        train(tiny_spec(**EVERY_STEP, **overrides), tmp_path)


def test_warnings_reach_the_log_only(tiny_spec, tmp_path, capfd):
    train(tiny_spec(), tmp_path, lambda *_: "pause")
    train(tiny_spec(), tmp_path, lambda *_: "pause")
    cut_short(tmp_path / "checkpoints/last.ckpt")
    with pytest.raises(CheckpointError):
        train(tiny_spec(), tmp_path)
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("segformer").handlers == []
