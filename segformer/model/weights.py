"""Weights to start from: of the encoder as others publish them, or of a whole model of ours."""

import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from torch import Tensor, nn

from segformer.errors import CheckpointError
from segformer.model.saved import load_safetensors, load_torch, without_prefix

_log = logging.getLogger(__name__)

_FOLDER_FILES = ("model.safetensors", "pytorch_model.bin")
_WRAPPERS = ("state_dict", "model")
_SHOWN = 8

_PREFIX = re.compile(r"^(?:model\.|module\.|backbone\.|segformer\.|encoder\.)+")

# transformers' names of before and after its version 5, then those of the authors' files. The
# authors count stages from 1, hence the two ways to write a stage.
_RENAMES: tuple[tuple[str, str], ...] = (
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
    (r"\.attn\.q\.", ".attention.q_proj."),
    (r"\.attn\.k\.", ".attention.k_proj."),
    (r"\.attn\.v\.", ".attention.v_proj."),
    (r"\.attn\.proj\.", ".attention.o_proj."),
    (r"\.attn\.sr\.", ".attention.sequence_reduction.sequence_reduction."),
    (r"\.attn\.norm\.", ".attention.sequence_reduction.layer_norm."),
)


def load_backbone(backbone: nn.Module, path: Path) -> None:
    """Load an encoder's weights: safetensors, torch file or folder of transformers.

    Names of ours, of transformers and of the authors' files are known. What does not fit is listed
    in a warning; raises `CheckpointError` when nothing fits or the file cannot be read.
    """
    named = dict(_renamed(_read(path)))
    encoder = {key: value for key, value in named.items() if key.startswith("stages.")}
    _load_fitting(backbone, encoder, source=path)


def load_model(network: nn.Module, path: Path) -> None:
    """Load the weights of a whole model of ours, .ckpt or .safetensors, under the same rules."""
    _load_fitting(network, without_prefix(_read(path)), source=path)


def _read(path: Path) -> dict[str, Tensor]:
    file = path
    if path.is_dir():
        found = [path / name for name in _FOLDER_FILES if (path / name).is_file()]
        if not found:
            raise CheckpointError(f"{path}: the folder holds none of {', '.join(_FOLDER_FILES)}")
        file = found[0]
    if not file.is_file():
        raise CheckpointError(f"{path}: there is no such file or folder of weights")
    if file.suffix == ".safetensors":
        return load_safetensors(file)[0]
    content = load_torch(file)
    inner = next((content[key] for key in _WRAPPERS if isinstance(content.get(key), dict)), content)
    return {key: value for key, value in inner.items() if isinstance(value, Tensor)}


def _renamed(weights: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Weights under the names of `MixTransformer`."""
    for key, value in weights.items():
        if ".attn.kv." in key:
            # The authors keep the rows of keys and values in one matrix, keys first.
            for part, rows in zip("kv", value.chunk(2), strict=True):
                yield _name(key.replace(".attn.kv.", f".attn.{part}.")), rows
        else:
            yield _name(key), value


def _name(key: str) -> str:
    name = _PREFIX.sub("", key)
    for pattern, replacement in _RENAMES:
        name = re.sub(pattern, replacement, name)
    return re.sub(r"^stages\.-(\d)", lambda match: f"stages.{int(match[1]) - 1}", name)


def _load_fitting(module: nn.Module, weights: Mapping[str, Tensor], *, source: Path) -> None:
    own = module.state_dict()
    fitting = {
        key: value for key, value in weights.items() if key in own and value.shape == own[key].shape
    }
    if not fitting:
        raise CheckpointError(
            f"{source}: none of its {len(weights)} weights fits {type(module).__name__};"
            " is it of another backbone?"
        )
    module.load_state_dict(fitting, strict=False)
    for what, names in (
        ("do not fit and were left out", sorted(weights.keys() - fitting.keys())),
        ("are not in it and stay random", sorted(own.keys() - fitting.keys())),
    ):
        if names:
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            _log.warning(
                "%s: %d %s: %s%s", source, len(names), what, ", ".join(names[:_SHOWN]), more
            )
