import pytest

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
    offered = starts(has_gpu=has_gpu)
    return {name: s for name, s in offered.items() if s["weight"] and "lite" not in name}


def test_weights_on_this_machine_are_ready_and_the_others_have_to_be_named(folder):
    (folder / "mit_b0.safetensors").touch()
    offered = starts(has_gpu=False)
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
    for start in starts(has_gpu=True).values():
        centres = {key: words["prior"] for key, words in start["search"].items()}
        spec = parse(nested({**start["set"], **centres}))
        assert spec.train.optim.lr == centres["train.optim.lr"]


def test_only_self_supervised_transformers_may_be_frozen(folder):
    (folder / "vit_small_dinov3.pth").touch()
    key, offered = "model.backbone.freeze_backbone", starts(has_gpu=True)
    assert offered["vit_small_dinov3"]["search"][key]["choices"] == [False, True]
    assert offered["mit_b0"]["search"][key]["choices"] == [False]
