from typing import get_args

import pytest

from segformer.errors import SpecError
from segformer.spec import parse
from segformer.spec.backbones import BACKBONES, size_fault
from segformer.spec.overrides import nested
from segformer.spec.sections.model import BackboneName


def parsed(**values):
    return parse(nested({key.replace("__", "."): value for key, value in values.items()})).model


def fault(key, value, backbone="mit_b0"):
    with pytest.raises(SpecError) as caught:
        parse(nested({key: value, "model.backbone.type": backbone}))
    return str(caught.value)


def test_every_name_that_a_spec_takes_has_its_facts():
    assert get_args(BackboneName) == tuple(BACKBONES)


@pytest.mark.parametrize(
    ("backbone", "side", "nearest"),
    [
        ("fan_small_12_p4_hybrid", 250, 256),
        ("fan_small_12_p4_hybrid", 33, 32),
        ("vit_small_dinov3", 518, 512),
        ("convnextv2_tiny", 240, 256),
    ],
)
def test_a_size_that_the_backbone_cannot_take_is_refused_with_the_nearest(backbone, side, nearest):
    text = fault("dataset.segment.img_size", side, backbone)
    assert text.startswith(f"dataset.segment.img_size: {side} is not allowed: {backbone} takes")
    assert text.endswith(f"the nearest is {nearest}")
    assert size_fault("x", nearest, backbone) is None


def test_a_mix_transformer_takes_any_size_from_32():
    assert size_fault("x", 33, "mit_b0") is None
    assert size_fault("x", 31, "mit_b0").endswith("takes any size from 32 px; the nearest is 32")


def test_a_short_name_is_answered_with_the_full_one():
    text = fault("model.backbone.type", "vit_base_nvclip", backbone="vit_base_nvclip")
    assert "did you mean vit_base_nvclip_16_siglip?" in text


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("model.backbone.feat_downsample", True, "with mit_b0: only a fan_* backbone can"),
        ("model.backbone.freeze_batchnorm", "all", "mit_b0 has no batch norm"),
        ("model.backbone.drop_path_rate", 1.0, "must be less than 1"),
        ("model.precise_msda", True, "must be false: no backbone here has multi-scale deformable"),
        ("model.decode_head.feature_strides", [8, 16], "must be [4, 8, 16, 32]: the strides are"),
        ("model.decode_head.in_index", [1, 0], "must be some of 0, 1, 2, 3, each once and in this"),
        ("model.decode_head.in_index", [0, 4], "must be some of 0, 1, 2, 3"),
        ("model.decode_head.in_index", [], "must be a list of at least 1"),
        ("model.decode_head.in_channels", [64, 128, 320, 512], "mit_b0 have [32, 64, 160, 256]"),
    ],
)
def test_a_field_that_cannot_apply_is_refused(key, value, words):
    text = fault(key, value)
    assert text.startswith(key)
    assert words in text


@pytest.mark.parametrize(("name", "value"), [("layer_decay", 0.8), ("encoder_delay_share", 0.1)])
def test_a_rate_of_a_frozen_encoder_is_refused(name, value):
    with pytest.raises(SpecError, match=rf"optim\.{name}: {value} .* only with .*freeze_backbone"):
        parsed(**{f"train.optim.{name}": value, "model.backbone.freeze_backbone": True})


def test_an_encoder_that_drops_no_paths_or_is_frozen_refuses_the_rate():
    text = fault("model.backbone.drop_path_rate", 0.2, backbone="vit_base_nvclip_16_siglip")
    assert "vit_base_nvclip_16_siglip has no drop path" in text
    for name, value in (("drop_path_rate", 0.2), ("freeze_batchnorm", "all")):
        settings = {"type": "fan_tiny_8_p4_hybrid", "freeze_backbone": True, name: value}
        with pytest.raises(SpecError, match=r"only with model\.backbone\.freeze_backbone=false"):
            parse({"model": {"backbone": settings}})


def test_right_channels_and_strides_are_taken():
    model = parsed(
        model__backbone__type="fan_tiny_8_p4_hybrid",
        model__backbone__feat_downsample=True,
        model__decode_head__in_channels=[128, 256, 192, 768],
        model__decode_head__feature_strides=[4, 8, 16, 32],
    )
    assert model.backbone.feat_downsample
