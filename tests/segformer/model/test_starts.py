import pytest

from segformer.model.initial_weights import TYPE, Wish
from segformer.model.starts import starts
from segformer.spec.backbones import BACKBONES
from segformer.spec.overrides import nested
from segformer.spec.spec import parse

PATH = "model.backbone.pretrained_backbone_path"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of weights, besides which this machine has at most those of packages."""
    monkeypatch.setenv("AUTOML_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


def ready(*, has_gpu):
    """Return the starts that need not be named, without those of installed packages."""
    offered = starts(Wish("auto", {}, has_gpu=has_gpu))
    return {name: s for name, s in offered.items() if s["weight"] and "lite" not in name}


def test_weights_on_this_machine_are_ready_and_the_others_have_to_be_named(folder):
    (folder / "mit_b0.safetensors").touch()
    offered = starts(Wish("auto", {}))
    assert list(ready(has_gpu=False)) == ["mit_b0"] and offered.keys() == BACKBONES.keys()
    pretrained, random = offered["mit_b0"]["set"], offered["mit_b1"]["set"]
    assert pretrained[PATH] == str(folder / "mit_b0.safetensors")
    assert pretrained["dataset.segment.augmentation.mean"] == [0.485, 0.456, 0.406]
    assert random == {"model.backbone.type": "mit_b1", PATH: ""}


def test_weights_that_do_not_suit_the_machine_have_to_be_named(folder):
    (folder / "vit_huge_plus_dinov3.safetensors").touch()
    assert ready(has_gpu=False) == {}


def test_each_family_has_ranges_that_the_spec_allows(folder):
    for name in BACKBONES:
        (folder / f"{name}.safetensors").touch()
    for start in starts(Wish("auto", {}, has_gpu=True)).values():
        centres = {key: words["prior"] for key, words in start["search"].items()}
        spec = parse(nested({**start["set"], **centres}))
        assert spec.train.optim.lr == centres["train.optim.lr"]


def test_only_self_supervised_transformers_may_be_frozen(folder):
    (folder / "vit_small_dinov3.pth").touch()
    key, offered = "model.backbone.freeze_backbone", starts(Wish("auto", {}, has_gpu=True))
    assert offered["vit_small_dinov3"]["search"][key]["choices"] == [False, True]
    assert offered["mit_b0"]["search"][key]["choices"] == [False]


@pytest.mark.parametrize(
    ("weights", "values", "encoder", "lr"),
    [
        ("none", {}, "fan_small_12_p4_hybrid", 1e-3),
        ("none", {TYPE: "mit_b0"}, "mit_b0", 1e-3),
        ("auto", {TYPE: "mit_b1"}, "mit_b1", 1e-3),  # No weights of it are on this machine.
        ("auto", {TYPE: "mit_b0", PATH: "own.pth"}, "mit_b0", 1e-4),
        ("auto", {PATH: "nvidia/mit-b2"}, "mit_b2", 1e-4),
        ("auto", {"train.pretrained_model_path": "own.pth"}, "fan_small_12_p4_hybrid", 1e-4),
    ],
)
def test_what_the_user_set_leaves_one_start_whose_ranges_suit_it(
    folder, weights, values, encoder, lr
):
    (folder / "mit_b0.safetensors").touch()
    offered = starts(Wish(weights, values))
    (start,) = [name for name, choice in offered.items() if choice["weight"]]
    assert (start, offered[start]["set"]) == (encoder, {})
    assert offered[start]["search"]["train.optim.lr"]["prior"] == lr
    assert weights != "none" or all(not each["set"].get(PATH) for each in offered.values())


def test_a_named_encoder_with_weights_at_hand_starts_from_them(folder):
    (folder / "mit_b0.safetensors").touch()
    offered = starts(Wish("auto", {TYPE: "mit_b0"}))
    assert [name for name, start in offered.items() if start["weight"]] == ["mit_b0"]
    assert offered["mit_b0"]["set"][PATH] == str(folder / "mit_b0.safetensors")


def test_weights_that_may_be_fetched_give_the_ranges_of_a_pretrained_encoder(folder):
    start = starts(Wish("auto", {TYPE: "mit_b1"}, may_download=True))["mit_b1"]
    assert (start["set"], start["search"]["train.optim.lr"]["prior"]) == ({}, 1e-4)


def test_the_start_that_weights_auto_takes_comes_first(folder):
    (folder / "mit_b1.safetensors").touch()
    offered = starts(Wish("auto", {}))
    assert next(iter(offered)) == "mit_b1" and offered["mit_b1"]["weight"] == 1
