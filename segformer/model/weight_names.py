"""Maps names of weights of transformers, the authors' files, timm and open_clip to ours."""

import re
from collections.abc import Iterable, Iterator, Mapping

from torch import Tensor

Rename = tuple[str, str]

# Prefixes of an encoder's names: of Lightning, TAO, DistributedDataParallel, the classes of
# transformers, DINO's teacher, open_clip.
_PREFIX = re.compile(
    r"^(?:(?:model|module|backbone|network|vit|encoder|segformer|dinov2|convnextv2|vision_model"
    r"|teacher|visual|trunk)\.)+"
)

_SPLITS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (".attn.qkv.", (".attn.q.", ".attn.k.", ".attn.v.")),
    (".attn.in_proj_", (".attn.q.", ".attn.k.", ".attn.v.")),
    (".attn.kv.", (".attn.k.", ".attn.v.")),
    (".mlp.w12.", (".mlp.w1.", ".mlp.w2.")),
    (".mlp.weights_in.", (".mlp.w1.", ".mlp.w2.")),
)
"""Matrices that hold several of ours as blocks of rows."""

# transformers before and after its version 5, then the authors' files, which count stages from 1:
# hence the two ways to write a stage.
_MIT: tuple[Rename, ...] = (
    (r"^patch_embeddings\.(\d)\.", r"stages.\1.patch_embeddings."),
    (r"^block\.(\d)\.", r"stages.\1.blocks."),
    (r"^layer_norm\.(\d)\.", r"stages.\1.layer_norm."),
    (r"attention\.self\.query\.", "attention.q_proj."),
    (r"attention\.self\.key\.", "attention.k_proj."),
    (r"attention\.self\.value\.", "attention.v_proj."),
    (r"attention\.self\.sr\.", "attention.sequence_reduction.sequence_reduction."),
    (r"attention\.self\.layer_norm\.", "attention.sequence_reduction.layer_norm."),
    (r"attention\.output\.dense\.", "attention.o_proj."),
    (r"mlp\.dense([12])\.", r"mlp.fc\1."),
    (r"\.layer_norm_1\.", ".layernorm_before."),
    (r"\.layer_norm_2\.", ".layernorm_after."),
    (r"^patch_embed(\d)\.proj\.", r"stages.-\1.patch_embeddings.proj."),
    (r"^patch_embed(\d)\.norm\.", r"stages.-\1.patch_embeddings.layer_norm."),
    (r"^block(\d)\.", r"stages.-\1.blocks."),
    (r"^norm(\d)\.", r"stages.-\1.layer_norm."),
    (r"\.norm1\.", ".layernorm_before."),
    (r"\.norm2\.", ".layernorm_after."),
    (r"\.attn\.([qkv])\.", r".attention.\1_proj."),
    (r"\.attn\.proj\.", ".attention.o_proj."),
    (r"\.attn\.sr\.", ".attention.sequence_reduction.sequence_reduction."),
    (r"\.attn\.norm\.", ".attention.sequence_reduction.layer_norm."),
)

_OF_TRANSFORMERS = re.compile(r"decode_head\.linear_(?:projections|c)\.")
"""How the head of a SegFormer of transformers begins, since its version 5 and before."""

_HEAD: tuple[Rename, ...] = (
    (r"^decode_head\.linear_(?:projections|c)\.(\d)\.proj\.", r"head.projections.\1."),
    (r"^decode_head\.linear_fuse\.", "head.fuse."),
    (r"^decode_head\.batch_norm\.", "head.norm."),
    (r"^decode_head\.classifier\.", "head.classifier."),
)

_DINOV2: tuple[Rename, ...] = (
    (r"^patch_embed\.proj\.", "embeddings.patch_embeddings.projection."),
    (r"^cls_token$", "embeddings.cls_token"),
    (r"^pos_embed$", "embeddings.position_embeddings"),
    (r"^norm\.", "layernorm."),
    (r"^blocks\.", "layer."),
    (r"\.attn\.([qkv])\.", r".attention.\1_proj."),
    (r"\.attn\.proj\.", ".attention.o_proj."),
    (r"\.attention\.attention\.([qkv])\w+\.", r".attention.\1_proj."),
    (r"\.attention\.output\.dense\.", ".attention.o_proj."),
    (r"\.ls([12])\.gamma$", r".layer_scale\1.lambda1"),
    (r"\.mlp\.w1\.", ".mlp.gate_proj."),
    (r"\.mlp\.w2\.", ".mlp.up_proj."),
    (r"\.mlp\.(?:w3|weights_out)\.", ".mlp.down_proj."),
    (r"^layer\.", "encoder.layer."),
    (r"^(embeddings|encoder|layernorm)\.", r"vit.\1."),
)

_DINOV3: tuple[Rename, ...] = (
    (r"^patch_embed\.proj\.", "embeddings.patch_embeddings."),
    (r"^cls_token$", "embeddings.cls_token"),
    (r"^(?:storage_tokens|reg_token)$", "embeddings.register_tokens"),
    (r"^blocks\.", "layer."),
    (r"\.attn\.([qkv])_bias$", r".attention.\1_proj.bias"),
    (r"\.attn\.([qkv])\.", r".attention.\1_proj."),
    (r"\.attn\.proj\.", ".attention.o_proj."),
    (r"\.ls([12])\.gamma$", r".layer_scale\1.lambda1"),
    (r"\.gamma_([12])$", r".layer_scale\1.lambda1"),
    (r"\.mlp\.(?:w1|fc1_g)\.", ".mlp.gate_proj."),
    (r"\.mlp\.(?:w2|fc1|fc1_x)\.", ".mlp.up_proj."),
    (r"\.mlp\.(?:w3|fc2)\.", ".mlp.down_proj."),
    (r"^layer\.", "model.layer."),
    (r"^(embeddings|model|norm)\.", r"vit.\1."),
)

_SIGLIP: tuple[Rename, ...] = (
    (r"^(?:patch_embed\.proj|conv1)\.", "embeddings.patch_embedding."),
    (r"^(?:pos_embed|positional_embedding)$", "embeddings.position_embedding.weight"),
    (r"^(?:norm|ln_post)\.", "post_layernorm."),
    (r"^(?:blocks|transformer\.resblocks)\.", "layers."),
    (r"\.attn\.([qkv])\.", r".self_attn.\1_proj."),
    (r"\.attn\.(?:proj|out_proj)\.", ".self_attn.out_proj."),
    (r"\.(?:norm|ln_)([12])\.", r".layer_norm\1."),
    (r"\.mlp\.c_fc\.", ".mlp.fc1."),
    (r"\.mlp\.c_proj\.", ".mlp.fc2."),
    (r"^layers\.", "encoder.layers."),
    (r"^(embeddings|encoder|post_layernorm)\.", r"vit.\1."),
)

# The authors' files and timm count the halvings of a stage in their own ways.
_CONVNEXT: tuple[Rename, ...] = (
    (r"^(?:stem|downsample_layers\.0)\.0\.", "embeddings.patch_embeddings."),
    (r"^(?:stem|downsample_layers\.0)\.1\.", "embeddings.layernorm."),
    (r"^downsample_layers\.(\d)\.", r"stages.\1.downsampling_layer."),
    (r"^stages\.(\d)\.downsample\.", r"stages.\1.downsampling_layer."),
    (r"^stages\.(\d)\.blocks\.", r"stages.\1.layers."),
    (r"^stages\.(\d)\.(\d+)\.", r"stages.\1.layers.\2."),
    (r"\.conv_dw\.", ".dwconv."),
    (r"\.norm\.", ".layernorm."),
    (r"\.grn\.gamma$", ".grn.weight"),
    (r"\.grn\.beta$", ".grn.bias"),
    (r"\.mlp\.grn\.", ".grn."),
    (r"\.mlp\.fc([12])\.", r".pwconv\1."),
)

# The hybrids: ConvNeXt stages below the tokens, then blocks of two attentions. `mlp` is the channel
# attention, `mlp_v` its feed-forward network.
_FAN: tuple[Rename, ...] = (
    (r"^patch_embed\.backbone\.stem\.0\.", "patches.patch_embeddings."),
    (r"^patch_embed\.backbone\.stem\.1\.", "patches.layernorm."),
    (r"^patch_embed\.backbone\.stages\.(\d)\.downsample\.", r"stem.\1.downsampling_layer."),
    (r"^patch_embed\.backbone\.stages\.(\d)\.blocks\.", r"stem.\1.layers."),
    (r"^(stem\..*)\.conv_dw\.", r"\1.dwconv."),
    (r"^(stem\..*)\.norm\.", r"\1.layernorm."),
    (r"^(stem\..*)\.mlp\.fc([12])\.", r"\1.pwconv\2."),
    (r"^(stem\..*)\.gamma$", r"\1.layer_scale_parameter"),
    (r"^patch_embed\.proj\.", "tokens."),
    (r"^pos_embed(?:er)?\.token_projection\.", "positions.projection."),
    (r"^cls_attn_blocks\.(\d)\.gamma1$", r"refinements.\1.scale"),
    (r"^cls_attn_blocks\.(\d)\.norm", r"refinements.\1.norm"),
    (r"^learnable_downsample\.", "downsample."),
    (r"^(blocks\.\d+)\.gamma1$", r"\1.token_scale"),
    (r"^(blocks\.\d+)\.gamma2$", r"\1.channel_scale"),
    (r"^(blocks\.\d+)\.norm1\.", r"\1.token_norm."),
    (r"^(blocks\.\d+)\.norm2\.", r"\1.channel_norm."),
    (r"\.attn\.q\.", ".token_attention.query."),
    (r"\.attn\.k\.", ".token_attention.key."),
    (r"\.attn\.v\.", ".token_attention.value."),
    (r"\.attn\.proj\.", ".token_attention.projection."),
    (r"\.mlp\.q\.", ".channel_attention.query."),
    (r"\.mlp\.temperature$", ".channel_attention.temperature"),
    (r"\.mlp\.norm_v\.", ".channel_attention.norm."),
    (r"\.mlp\.mlp_v\.fc1\.", ".channel_attention.feed_forward.expand."),
    (r"\.mlp\.mlp_v\.fc2\.", ".channel_attention.feed_forward.contract."),
    (r"\.mlp\.mlp_v\.gamma$", ".channel_attention.feed_forward.scale"),
    (r"\.mlp\.mlp_v\.dwconv\.conv1\.", ".channel_attention.feed_forward.local.0."),
    (r"\.mlp\.mlp_v\.dwconv\.bn\.", ".channel_attention.feed_forward.local.2."),
    (r"\.mlp\.mlp_v\.dwconv\.conv2\.", ".channel_attention.feed_forward.local.3."),
)

# The packages count the blocks through all stages, timm within each; `_flat_blocks` levels that.
_EFFICIENTNET_LITE: tuple[Rename, ...] = (
    (r"^_?conv_stem\.", "stem.conv."),
    (r"^_bn0\.", "stem.norm."),
    (r"^bn1\.", "stem.norm."),
    (r"^_blocks\.", "blocks."),
    (r"\._expand_conv\.", ".expand.conv."),
    (r"\._bn0\.", ".expand.norm."),
    (r"\._depthwise_conv\.", ".depthwise.conv."),
    (r"\._bn1\.", ".depthwise.norm."),
    (r"\._project_conv\.", ".project.conv."),
    (r"\._bn2\.", ".project.norm."),
    # timm's first block expands nothing: its second convolution is the projection.
    (r"^blocks\.0\.conv_dw\.", "blocks.0.depthwise.conv."),
    (r"^blocks\.0\.bn1\.", "blocks.0.depthwise.norm."),
    (r"^blocks\.0\.conv_pw\.", "blocks.0.project.conv."),
    (r"^blocks\.0\.bn2\.", "blocks.0.project.norm."),
    (r"\.conv_pw\.", ".expand.conv."),
    (r"\.bn1\.", ".expand.norm."),
    (r"\.conv_dw\.", ".depthwise.conv."),
    (r"\.bn2\.", ".depthwise.norm."),
    (r"\.conv_pwl\.", ".project.conv."),
    (r"\.bn3\.", ".project.norm."),
)

_WITHOUT_EFFECT: dict[str, re.Pattern[str]] = {
    # The class token reads the image's tokens and writes nothing to them.
    "fan": re.compile(
        r"^(?:cls_token$|head\.|norm\.|decoder\.|decode_head\."
        r"|cls_attn_blocks\.\d\.(?:attn\.|mlp\.|gamma2$))"
    ),
}
"""Published weights that the feature maps do not depend on: of the class token and of heads."""

RENAMES: dict[str, tuple[Rename, ...]] = {
    "mit": _MIT,
    "fan": _FAN,
    "dinov2": _DINOV2,
    "dinov3": _DINOV3,
    "siglip": _SIGLIP,
    "convnext": _CONVNEXT,
    "efficientnet_lite": _EFFICIENTNET_LITE,
}
"""By family: rules applied in order to a name without its prefix; our names pass unchanged."""


def renamed(weights: Mapping[str, Tensor], family: str) -> dict[str, Tensor]:
    """Return weights under the names of our encoder of a family; unknown names are kept.

    Weights that the feature maps do not depend on are left out.
    """
    plain = {_PREFIX.sub("", key): value for key, value in weights.items()}
    if family == "efficientnet_lite":
        plain = _flat_blocks(plain)
    unused = _WITHOUT_EFFECT.get(family)
    parts = (
        part
        for key, value in plain.items()
        if not (unused and unused.match(key))
        for part in _split(key, value)
    )
    return {_renamed(key, RENAMES[family]): value for key, value in parts}


def renamed_model(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a whole SegFormer of transformers under our names; other weights are kept."""
    if not any(_OF_TRANSFORMERS.match(key) for key in weights):
        return dict(weights)
    encoder = {key: value for key, value in weights.items() if key.startswith("segformer.")}
    ours = {f"backbone.{key}": value for key, value in renamed(encoder, "mit").items()}
    rest = {key: value for key, value in weights.items() if key not in encoder}
    return ours | {_renamed(key, _HEAD): value for key, value in rest.items()}


def _flat_blocks(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights with ``blocks.STAGE.BLOCK`` counted through all stages."""
    pairs = {key: re.match(r"blocks\.(\d+)\.(\d+)\.", key) for key in weights}
    places = {key: (int(pair[1]), int(pair[2])) for key, pair in pairs.items() if pair}
    number = {place: i for i, place in enumerate(sorted(set(places.values())))}
    return {
        f"blocks.{number[places[key]]}.{key.split('.', 3)[3]}" if key in places else key: value
        for key, value in weights.items()
    }


def _split(key: str, value: Tensor) -> Iterator[tuple[str, Tensor]]:
    for packed, names in _SPLITS:
        if packed in key:
            rows = value.chunk(len(names))
            yield from ((key.replace(packed, n), r) for n, r in zip(names, rows, strict=True))
            return
    yield key, value


def _renamed(key: str, rules: Iterable[Rename]) -> str:
    for pattern, replacement in rules:
        key = re.sub(pattern, replacement, key)
    return re.sub(r"^stages\.-(\d)", lambda match: f"stages.{int(match[1]) - 1}", key)
