import math

import pytest
import torch

from segformer.model.segformer import build
from segformer.spec import parse
from segformer.spec.sections.train import Optim, Train
from segformer.training.optim import build_optimizer, build_schedule, parameter_groups
from segformer.training.shortening import Plan


def network(**backbone):
    return build(parse({"model": {"backbone": {"type": "mit_b0"} | backbone}}).model, num_classes=2)


def test_head_learns_ten_times_as_fast_and_biases_and_norms_do_not_decay():
    model = network()
    groups = parameter_groups(model, Optim(lr=1e-3, weight_decay=0.05))
    settings = [(group["lr"], group["weight_decay"]) for group in groups]
    assert settings == [(1e-3, 0.05), (1e-3, 0.0), (1e-2, 0.05), (1e-2, 0.0)]
    assert all(p.ndim > 1 for group in groups[::2] for p in group["params"])
    assert all(p.ndim == 1 for group in groups[1::2] for p in group["params"])


@pytest.mark.parametrize(
    ("name", "spared"),
    [
        ("vit_small_dinov3", {"cls_token", "register_tokens"}),
        ("vit_base_nvclip_16_siglip", {"position_embedding.weight"}),
        ("convnextv2_tiny", {"grn.weight", "grn.bias"}),
    ],
)
def test_embeddings_and_norms_of_more_dimensions_do_not_decay(name, spared):
    with torch.device("meta"):
        model = network(type=name)
    decayed = [
        id(p) for g in parameter_groups(model, Optim()) if g["weight_decay"] for p in g["params"]
    ]
    found = [n for n, p in model.named_parameters() if id(p) not in decayed and p.ndim > 1]
    assert found
    assert all(any(n.endswith(name) for name in spared) for n in found)


def test_every_parameter_is_in_one_group():
    model = network()
    grouped = [id(p) for group in parameter_groups(model, Optim()) for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters())


def test_head_learns_at_the_ratio_of_the_spec():
    groups = parameter_groups(network(), Optim(lr=1e-3, head_lr_ratio=2))
    assert {(group["part"], group["lr"]) for group in groups} == {
        ("backbone", 1e-3),
        ("head", 2e-3),
    }


def test_each_block_learns_slower_than_the_next_and_the_last_at_the_full_rate():
    model = network()
    groups = parameter_groups(model, Optim(lr=1.0, layer_decay=0.5, head_lr_ratio=3))
    rate_of = {id(p): group["lr"] for group in groups for p in group["params"]}
    rates = {name: rate_of[id(p)] for name, p in model.named_parameters()}
    assert len(rate_of) == len(rates)
    assert rates["backbone.stages.0.patch_embeddings.proj.weight"] == 0.5**8
    assert rates["backbone.stages.1.blocks.0.layernorm_before.weight"] == 0.5**5
    assert rates["backbone.stages.3.blocks.1.layernorm_before.weight"] == 1.0
    assert rates["head.classifier.weight"] == 3.0


def test_frozen_encoder_is_in_no_group():
    groups = parameter_groups(network(freeze_backbone=True), Optim(lr=1e-3))
    assert [group["lr"] for group in groups] == [1e-2, 1e-2]


@pytest.mark.parametrize(
    ("name", "kind", "key", "value"),
    [
        ("adamw", torch.optim.AdamW, "betas", (0.8, 0.999)),
        ("adam", torch.optim.Adam, "betas", (0.8, 0.999)),
        ("sgd", torch.optim.SGD, "momentum", 0.8),
    ],
)
def test_momentum_has_an_effect_on_every_optimiser(name, kind, key, value):
    optimizer = build_optimizer(network(), Optim(optim=name, momentum=0.8))
    assert type(optimizer) is kind
    assert all(group[key] == value for group in optimizer.param_groups)


def rates(policy, *, num_epochs, steps_per_epoch, shortened=(), **settings):
    """The learning rate of every step, as a share of the full rate."""
    plan = Plan.of(Train(num_epochs=num_epochs, shortened=list(shortened)))
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = build_schedule(
        optimizer,
        Optim(policy=policy, **settings),
        plan=plan,
        steps_per_epoch=steps_per_epoch,
    )
    seen = []
    for _ in range(num_epochs * steps_per_epoch):
        seen.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return seen, schedule.get_last_lr()[0]


def test_linear_policy_warms_up_for_a_hundredth_of_the_steps_then_falls_to_zero():
    seen, after = rates("linear", num_epochs=10, steps_per_epoch=30)
    assert seen[:4] == pytest.approx([1 / 4, 2 / 4, 3 / 4, 1.0])
    assert seen[3:] == pytest.approx([(297 - i) / 297 for i in range(297)])
    assert after == 0.0


@pytest.mark.parametrize(("num_epochs", "every"), [(9, 3), (10, 3), (2, 1)])
def test_step_policy_divides_by_ten_after_every_third_of_the_epochs(num_epochs, every):
    seen, _ = rates("step", num_epochs=num_epochs, steps_per_epoch=4)
    expected = [0.1 ** (epoch // every) for epoch in range(num_epochs) for _ in range(4)]
    assert seen == pytest.approx(expected)


def test_cosine_policy_is_half_a_wave():
    seen, after = rates("cosine", num_epochs=4, steps_per_epoch=2)
    assert seen == pytest.approx([(1 + math.cos(math.pi * i / 8)) / 2 for i in range(8)])
    assert after == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("power", [0.9, 2.0])
def test_poly_policy_is_a_power_of_the_steps_left(power):
    seen, after = rates("poly", num_epochs=4, steps_per_epoch=2, power=power)
    assert seen == pytest.approx([((8 - i) / 8) ** power for i in range(8)])
    assert after == 0.0


@pytest.mark.parametrize("policy", ["linear", "step", "cosine", "poly"])
def test_warm_up_share_is_that_of_the_steps_in_which_the_rate_rises(policy):
    seen, _ = rates(policy, num_epochs=10, steps_per_epoch=4, warm_up_share=0.25)
    assert seen[:10] == pytest.approx([(i + 1) / 11 for i in range(10)])
    assert seen[10] == pytest.approx(1.0)
    assert seen[11:] == sorted(seen[11:], reverse=True)


def test_one_step_is_at_the_full_rate():
    assert rates("linear", num_epochs=1, steps_per_epoch=1, warm_up_share=0.5)[0] == [1.0]


def test_constant_policy_cools_down_over_the_last_share():
    seen, after = rates("constant", num_epochs=5, steps_per_epoch=2, cooldown_share=0.5)
    assert seen == pytest.approx([1.0] * 6 + [0.8, 0.6, 0.4, 0.2])
    assert after == 0.0
    assert set(rates("constant", num_epochs=5, steps_per_epoch=2, cooldown_share=0)[0]) == {1.0}


def test_encoder_waits_for_the_share_of_its_delay_then_warms_up():
    optimizer = torch.optim.SGD(
        [{"params": [torch.nn.Parameter(torch.zeros(1))], "part": p} for p in ("backbone", "head")],
        lr=1.0,
    )
    settings = Optim(encoder_delay_share=0.4, warm_up_share=0.2, policy="constant")
    schedule = build_schedule(optimizer, settings, plan=Plan(1), steps_per_epoch=10)
    encoder, head = schedule.lr_lambdas
    assert [encoder(i) for i in range(8)] == pytest.approx([0] * 4 + [1 / 3, 2 / 3, 1, 1])
    assert [head(i) for i in range(4)] == pytest.approx([1 / 3, 2 / 3, 1, 1])
    assert encoder(10) == head(10) == 0.0


def test_a_shortened_training_goes_on_from_its_rate_and_ends_at_that_of_the_plan():
    planned, end = rates("cosine", num_epochs=10, steps_per_epoch=4, warm_up_share=0.1)
    cuts = [{"after": 2, "epochs": 10}, {"after": 4, "epochs": 8}]
    seen, after = rates(
        "cosine", num_epochs=5, steps_per_epoch=4, warm_up_share=0.1, shortened=cuts
    )
    assert seen[:9] == planned[:9]
    # Six epochs planned from the second to the eighth take eight of the first plan's: 4/3 each.
    assert seen[12] == pytest.approx((planned[13] * 2 + planned[14]) / 3, abs=0.01)
    assert seen == sorted(seen[:5]) + sorted(seen[5:], reverse=True)
    assert after == end == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    "cuts",
    [[(4, 8)], [(2, 4)], [(2, 8), (2, 6)], [(2, 6), (3, 8)], [(5, 8)]],
    ids=["nothing left", "not fewer", "twice at once", "longer", "beyond the end"],
)
def test_a_training_is_shortened_to_fewer_epochs_one_of_which_is_left(cuts):
    cuts = [{"after": after, "epochs": epochs} for after, epochs in cuts]
    with pytest.raises(ValueError, match="shortens after epoch"):
        Train(num_epochs=4, shortened=cuts)
