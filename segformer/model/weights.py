"""Loads initial weights: of an encoder as others publish it, or of a whole model."""

import logging
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from segformer.errors import CheckpointError
from segformer.model.hub import PATTERNS, folder_from_hub
from segformer.model.packages import file_of_package
from segformer.model.resample import fitted
from segformer.model.saved import load_safetensors, load_torch, without_prefix
from segformer.model.weight_names import renamed, renamed_model
from segformer.spec.backbones import BACKBONES, PACKAGE, is_hub_name

_log = logging.getLogger(__name__)

_WRAPPERS = ("state_dict", "model", "teacher")
_SHOWN = 8


def load_backbone(backbone: nn.Module, source: str | Path, *, name: str) -> None:
    """Load an encoder's weights: a file, a folder of transformers, a name on the hub or package.

    Names may be ours, those of transformers, or those of the files in `weight_names`. Position
    embeddings and patch kernels are resampled to fit. A warning lists what does not fit.

    Args:
        backbone: The encoder.
        source: Path, owner/name on the hub, or package:NAME.
        name: The encoder's name in a spec.

    Raises:
        CheckpointError: No weight fits, or the source cannot be read or fetched.
    """
    weights = renamed(_read(_located(str(source))), BACKBONES[name].family)
    _load_fitting(backbone, weights, source=source, what=name)


def load_model(network: nn.Module, path: Path) -> None:
    """Load the weights of a whole model by the same rules: of ours, or of transformers' SegFormer.

    Ours are a .ckpt or .safetensors, transformers' the folder that `save_pretrained` writes.
    """
    weights = renamed_model(without_prefix(_read(path)))
    backbone = {key: value for key, value in weights.items() if key.startswith("backbone.")}
    own = network.state_dict()
    if not any(key in own and value.shape == own[key].shape for key, value in backbone.items()):
        raise CheckpointError(
            f"{path}: none of its {len(weights)} weights fits the encoder of this model; is it of "
            "another one (model.backbone.type)? Weights of an encoder alone are given by "
            "model.backbone.pretrained_backbone_path"
        )
    _load_fitting(network, weights, source=path, what="this model")


def _located(source: str) -> Path:
    if source.startswith(PACKAGE):
        return file_of_package(source)
    return folder_from_hub(source) if is_hub_name(source) else Path(source)


def _read(path: Path) -> dict[str, Tensor]:
    files = _files(path) if path.is_dir() else [path]
    weights: dict[str, Tensor] = {}
    for file in files:
        weights |= _read_file(file)
    return weights


def _files(folder: Path) -> list[Path]:
    for pattern in PATTERNS:
        if found := sorted(folder.glob(pattern)):
            return found
    raise CheckpointError(f"{folder}: the folder holds none of {', '.join(PATTERNS)}")


def _read_file(file: Path) -> dict[str, Tensor]:
    if not file.is_file():
        raise CheckpointError(f"{file}: there is no such file or folder of weights")
    if file.suffix == ".safetensors":
        return load_safetensors(file)[0]
    content = load_torch(file)
    inner = next((content[key] for key in _WRAPPERS if isinstance(content.get(key), dict)), content)
    return {key: value for key, value in inner.items() if isinstance(value, Tensor)}


def _load_fitting(
    module: nn.Module, weights: Mapping[str, Tensor], *, source: str | Path, what: str
) -> None:
    own, fitting = module.state_dict(), {}
    for key in own.keys() & weights.keys():
        value = fitted(key, weights[key], own[key])
        if value is not None:
            fitting[key] = value
    if not fitting:
        raise CheckpointError(
            f"{source}: none of its {len(weights)} weights fits {what}; is it of another backbone?"
        )
    module.load_state_dict(fitting, strict=False)
    resampled = [key for key, value in fitting.items() if value.numel() != weights[key].numel()]
    for problem, names in (
        ("do not fit and were left out", weights.keys() - fitting.keys()),
        ("are not in it and stay random", own.keys() - fitting.keys()),
        ("were of another size and were fitted", resampled),
    ):
        if names:
            _log.warning("%s: %d %s: %s", source, len(names), problem, _listed(sorted(names)))


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"
