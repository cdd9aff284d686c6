"""A checkpoint is gone on from with other settings, as a copy in population-based training does."""

import shutil

import pytest
import torch

from segformer.training.loop import train

HEAD_FACTOR = 10


def half_trained(tiny_spec, folder):
    spec = tiny_spec(**{"train.num_epochs": 4})
    train(spec, folder, lambda epoch, metrics: "pause" if epoch == 2 else "continue")


def groups(folder):
    content = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    return content["optimizer_states"][0]["param_groups"], content["lr_schedulers"][0]


def copied(source, target):
    (target / "checkpoints").mkdir(parents=True)
    shutil.copy(source / "checkpoints" / "last.ckpt", target / "checkpoints" / "last.ckpt")


@pytest.fixture(scope="module")
def half(tiny_spec, tmp_path_factory):
    folder = tmp_path_factory.mktemp("half")
    half_trained(tiny_spec, folder)
    return folder


def test_a_copy_trains_with_its_own_rate_decay_and_momentum(half, tiny_spec, tmp_path):
    copied(half, tmp_path)
    changes = {"train.optim.lr": 2e-2, "train.optim.weight_decay": 0.3, "train.optim.momentum": 0.5}
    seen = []
    spec = tiny_spec(**{"train.num_epochs": 4, **changes})
    train(spec, tmp_path, lambda epoch, _: (seen.append(epoch), "continue")[1])
    assert seen == [2, 3, 4]
    after, schedule = groups(tmp_path)
    assert {g["initial_lr"] for g in after} == {2e-2, 2e-2 * HEAD_FACTOR}
    assert set(schedule["base_lrs"]) == {2e-2, 2e-2 * HEAD_FACTOR}
    assert {g["weight_decay"] for g in after} == {0.3, 0.0}
    assert {g["betas"][0] for g in after} == {0.5}


def test_a_copy_with_another_optimiser_builds_its_state_anew(half, tiny_spec, tmp_path):
    copied(half, tmp_path)
    train(tiny_spec(**{"train.num_epochs": 3, "train.optim.optim": "sgd"}), tmp_path)
    after, _ = groups(tmp_path)
    assert all("nesterov" in group and "betas" not in group for group in after)


def test_a_copy_with_rates_by_layer_keeps_the_step_of_the_schedule(half, tiny_spec, tmp_path):
    copied(half, tmp_path)
    spec = tiny_spec(**{"train.num_epochs": 4, "train.optim.layer_decay": 0.5})
    train(spec, tmp_path, lambda epoch, _: "continue" if epoch == 2 else "stop")
    (before, old), (after, schedule) = groups(half), groups(tmp_path)
    assert len(after) > len(before)
    assert schedule["last_epoch"] == old["last_epoch"] + 3
    share = after[-1]["lr"] / after[-1]["initial_lr"]
    assert 0 < share < 0.5
    assert all(g["lr"] == pytest.approx(share * g["initial_lr"]) for g in after)
