"""Weights under the names of others are those of our encoder again."""

import re

import pytest
import torch
from networks import cut
from transformers.models.convnextv2.modeling_convnextv2 import ConvNextV2Model

from segformer.model.encoders.convnext import ConvNextV2
from segformer.model.encoders.efficientnet_lite import EfficientNetLite
from segformer.model.encoders.vit import Dinov2, Dinov3, Siglip
from segformer.model.weight_names import renamed
from segformer.spec.backbones import BACKBONES

# Our name -> theirs, written apart from the rules under test.
DINOV2 = {
    r"^vit\.": "",
    r"^embeddings\.patch_embeddings\.projection": "patch_embed.proj",
    r"^embeddings\.cls_token": "cls_token",
    r"^embeddings\.position_embeddings": "pos_embed",
    r"^layernorm": "norm",
    r"^encoder\.layer\.": "blocks.",
    r"attention\.q_proj": "attn.qkv",
    r"attention\.o_proj": "attn.proj",
    r"layer_scale(\d)\.lambda1": r"ls\1.gamma",
    r"mlp\.gate_proj": "mlp.w12",
    r"mlp\.down_proj": "mlp.w3",
}
DINOV3 = {
    r"^vit\.": "",
    r"^embeddings\.patch_embeddings": "patch_embed.proj",
    r"^embeddings\.register_tokens": "storage_tokens",
    r"^embeddings\.cls_token": "cls_token",
    r"^model\.layer\.": "blocks.",
    r"attention\.q_proj\.weight": "attn.qkv.weight",
    r"attention\.([qv])_proj\.bias": r"attn.\1_bias",
    r"attention\.o_proj": "attn.proj",
    r"layer_scale(\d)\.lambda1": r"ls\1.gamma",
    r"mlp\.gate_proj": "mlp.w1",
    r"mlp\.up_proj": "mlp.w2",
    r"mlp\.down_proj": "mlp.w3",
}
TIMM_SIGLIP = {
    r"^vit\.": "visual.trunk.",
    r"embeddings\.patch_embedding\.": "patch_embed.proj.",
    r"embeddings\.position_embedding\.weight": "pos_embed",
    r"post_layernorm": "norm",
    r"encoder\.layers\.": "blocks.",
    r"layer_norm(\d)": r"norm\1",
    r"self_attn\.q_proj": "attn.qkv",
    r"self_attn\.out_proj": "attn.proj",
}
OPEN_CLIP = {
    r"^vit\.": "visual.",
    r"embeddings\.patch_embedding\.": "conv1.",
    r"embeddings\.position_embedding\.weight": "positional_embedding",
    r"post_layernorm": "ln_post",
    r"encoder\.layers\.": "transformer.resblocks.",
    r"layer_norm(\d)": r"ln_\1",
    r"self_attn\.q_proj\.": "attn.in_proj_",
    r"self_attn\.out_proj": "attn.out_proj",
    r"mlp\.fc1": "mlp.c_fc",
    r"mlp\.fc2": "mlp.c_proj",
}
CONVNEXT_AUTHORS = {
    r"^embeddings\.patch_embeddings": "downsample_layers.0.0",
    r"^embeddings\.layernorm": "downsample_layers.0.1",
    r"^stages\.(\d)\.downsampling_layer": r"downsample_layers.\1",
    r"^stages\.(\d)\.layers\.": r"stages.\1.",
    r"grn\.weight": "grn.gamma",
    r"grn\.bias": "grn.beta",
    r"(\d)\.layernorm": r"\1.norm",
}
CONVNEXT_TIMM = {
    r"^embeddings\.patch_embeddings": "stem.0",
    r"^embeddings\.layernorm": "stem.1",
    r"downsampling_layer": "downsample",
    r"layers": "blocks",
    r"dwconv": "conv_dw",
    r"grn": "mlp.grn",
    r"pwconv": "mlp.fc",
    r"(\d)\.layernorm": r"\1.norm",
}

CASES = {
    "dinov2, authors": (Dinov2, "vit_giant_nvdinov2", DINOV2),
    "dinov3, authors": (Dinov3, "vit_small_plus_dinov3", DINOV3),
    "siglip, timm": (Siglip, "vit_base_nvclip_16_siglip", TIMM_SIGLIP),
    "siglip, open_clip": (Siglip, "vit_base_nvclip_16_siglip", OPEN_CLIP),
    "convnext, authors": (ConvNextV2, "convnextv2_tiny", CONVNEXT_AUTHORS),
    "convnext, timm": (ConvNextV2, "convnextv2_tiny", CONVNEXT_TIMM),
}
PACKED = {"q_proj": ("k_proj", "v_proj"), "gate_proj": ("up_proj",)}


def theirs(weights, names):
    """The weights by their names; where theirs holds several of ours, one above the other."""
    found = {}
    for key, value in weights.items():
        name = key
        for pattern, replacement in names.items():
            name = re.sub(pattern, replacement, name)
        for first, others in PACKED.items():
            more = [weights.get(key.replace(first, other)) for other in others]
            is_packed = re.search(r"qkv|in_proj_|w12", name) and first in key
            if is_packed and all(part is not None for part in more):
                value = torch.cat([value, *more])
        if not re.search(r"\.(k_proj|v_proj)\.|mlp\.up_proj", name):
            found[name] = value
    return found


@pytest.mark.parametrize("case", CASES)
def test_names_of_others_are_known(case, monkeypatch):
    kind, name, names = CASES[case]
    cut(monkeypatch, depth=1)
    with torch.device("cpu" if kind is Dinov3 else "meta"):
        weights = kind(name).state_dict()
    weights = {k: v for k, v in weights.items() if not re.match(r"pyramid|norms", k)}
    given = {f"module.{key}": value for key, value in theirs(weights, names).items()}
    assert given.keys().isdisjoint(weights)
    back = renamed(given, BACKBONES[name].family)
    assert back.keys() == weights.keys()
    assert all(back[key].shape == weights[key].shape for key in weights)
    if kind is Dinov3:  # Real ones, to see that the parts of a matrix are told apart.
        assert all(torch.equal(back[key], weights[key]) for key in weights)


def test_names_of_transformers_are_known():
    with torch.device("meta"):
        encoder = ConvNextV2("convnextv2_tiny")
        published = ConvNextV2Model(encoder.config).state_dict()
    given = {f"convnextv2.{key}": value for key, value in published.items()}
    own = {key for key in encoder.state_dict() if not key.startswith("norms")}
    assert own <= renamed(given, "convnext").keys()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("attention.attention.query.bias", "attention.q_proj.bias"),
        ("attention.attention.value.weight", "attention.v_proj.weight"),
        ("attention.output.dense.bias", "attention.o_proj.bias"),
        ("mlp.weights_out.bias", "mlp.down_proj.bias"),
    ],
)
def test_names_of_dinov2_before_version_5_of_transformers_are_known(old, new):
    given = {f"dinov2.encoder.layer.7.{old}": torch.zeros(2)}
    assert list(renamed(given, "dinov2")) == [f"vit.encoder.layer.7.{new}"]


def test_own_names_stay(monkeypatch):
    cut(monkeypatch, depth=1)
    for kind, name in ((Dinov2, "vit_large_nvdinov2"), (Dinov3, "vit_small_dinov3")):
        with torch.device("meta"):
            own = kind(name).state_dict()
        given = {f"model.backbone.{key}": value for key, value in own.items()}
        assert renamed(given, BACKBONES[name].family).keys() == own.keys()


def test_blocks_of_timm_are_counted_through_all_stages():
    with torch.device("meta"):
        weights = EfficientNetLite("efficientnet_lite1").state_dict()
    places = [(stage, block) for stage, n in enumerate((1, 3, 3, 4, 4, 5, 1)) for block in range(n)]
    parts = {
        "expand": ("conv_pw", "bn1"),
        "depthwise": ("conv_dw", "bn2"),
        "project": ("conv_pwl", "bn3"),
    }
    first = {"depthwise": ("conv_dw", "bn1"), "project": ("conv_pw", "bn2")}
    given = {}
    for key, value in weights.items():
        *place, part, kind, rest = key.split(".")
        stem = {"conv": "conv_stem", "norm": "bn1"}
        number = int(place[1]) if place else None
        names = first if number == 0 else parts
        name = stem[kind] if not place else names[part][kind == "norm"]
        prefix = "blocks.{}.{}.".format(*places[number]) if place else ""
        given[f"{prefix}{name}.{rest}"] = value
    assert len(given) == len(weights)
    assert renamed(given, "efficientnet_lite").keys() == weights.keys()
