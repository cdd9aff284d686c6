"""Fields of the train section whose effect shows in the training as a whole."""

import json

import pytest
import torch
import yaml
from torch.optim.optimizer import register_optimizer_step_post_hook

from segformer.errors import SpecError
from segformer.model.saved import ModelRecord, write_safetensors
from segformer.model.segformer import build
from segformer.training.loop import train

WEIGHT = "model.head.classifier.weight"


pytestmark = pytest.mark.slow


def lines(folder):
    return [json.loads(line) for line in (folder / "status.json").read_text().splitlines()]


def state(folder):
    return torch.load(folder / "checkpoints/last.ckpt", weights_only=True)


def weights(folder):
    return state(folder)["state_dict"]


@pytest.mark.parametrize(
    "overrides",
    [
        {"dataset.segment.batch_size": 4},
        {"dataset.segment.shuffle": False},
        {"train.accumulate_grad_batches": 2},
        {"train.clip_grad_norm": 0.01},
        {"train.optim.policy": "poly"},
        {"train.optim.warm_up_share": 0.5},
        {"train.segment.weights": [1.0, 2.0, 4.0]},
        {"train.segment.loss": "ce_boundary"},
        {"train.optim.optim": "sgd"},
        {"train.optim.momentum": 0.5},
        {"train.optim.weight_decay": 0.5},
    ],
    ids=lambda overrides: next(iter(overrides)).rpartition(".")[2],
)
def test_the_field_changes_the_weights_that_come_out(trained, tiny_spec, tmp_path, overrides):
    train(tiny_spec(**overrides), tmp_path, lambda *_: "continue")
    assert not torch.equal(weights(tmp_path)[WEIGHT], weights(trained.folder)[WEIGHT])


def test_no_step_goes_beyond_the_clipped_norm(tiny_spec, tmp_path):
    norms = []

    def look(optimizer, *_):
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"]]
        norms.append(float(torch.nn.utils.get_total_norm([g for g in gradients if g is not None])))

    hook = register_optimizer_step_post_hook(look)
    train(tiny_spec(**{"train.clip_grad_norm": 0.01, "train.num_epochs": 1}), tmp_path)
    hook.remove()
    assert norms == pytest.approx([0.01] * 3, rel=1e-3)


def test_encoder_starts_from_the_weights_given(trained, tiny_spec, tmp_path):
    given = build(trained.spec.model, num_classes=3)
    path = tmp_path / "encoder.safetensors"
    write_safetensors(path, given, ModelRecord.of(trained.spec))
    overrides = {"model.backbone.pretrained_backbone_path": str(path), "train.optim.lr": 1e-12}
    train(tiny_spec(**overrides, **{"train.num_epochs": 1}), tmp_path / "run")
    kept = weights(tmp_path / "run")
    for name, value in given.backbone.named_parameters():
        torch.testing.assert_close(kept[f"model.backbone.{name}"], value.detach())


def test_learning_rates_are_told_when_asked_for(tiny_spec, tmp_path):
    train(tiny_spec(**{"train.enable_lr_monitor": True, "train.num_epochs": 1}), tmp_path)
    kpi = lines(tmp_path)[1]["kpi"]
    assert kpi["lr_head"] == pytest.approx(10 * kpi["lr_backbone"])


def test_a_seed_of_minus_1_is_drawn_once_and_recorded(tiny_spec, tmp_path):
    spec = tiny_spec(**{"train.seed": -1})
    for name in ("one", "other"):
        train(spec, tmp_path / name, lambda *_: "pause")
    drawn = [state(tmp_path / name)["position"]["seed"] for name in ("one", "other")]
    assert drawn[0] != drawn[1]
    train(spec, tmp_path / "one")
    assert state(tmp_path / "one")["position"]["seed"] == drawn[0]
    assert state(tmp_path / "one")["segformer"]["epoch"] == 2
    recorded = yaml.safe_load((tmp_path / "one" / "experiment.yaml").read_text())
    assert recorded["train"]["seed"] == drawn[0]


@pytest.mark.parametrize("benchmark", [False, True])
def test_settings_of_cudnn_are_torchs_while_it_trains(tiny_spec, tmp_path, benchmark):
    seen = []

    def look(*_):
        seen.append((torch.backends.cudnn.benchmark, torch.are_deterministic_algorithms_enabled()))
        return "stop"

    overrides = {"train.cudnn.benchmark": benchmark, "train.cudnn.deterministic": not benchmark}
    train(tiny_spec(**overrides), tmp_path, look)
    assert seen == [(benchmark, not benchmark)]


@pytest.mark.skipif(torch.cuda.is_available(), reason="half precision is for CUDA devices")
@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_half_precision_without_a_gpu_is_refused_with_the_reason(tiny_spec, tmp_path, precision):
    with pytest.raises(SpecError, match=rf"train\.precision: {precision} .* no CUDA device"):
        train(tiny_spec(**{"train.precision": precision}), tmp_path)
    assert lines(tmp_path)[-1]["status"] == "FAILURE"
