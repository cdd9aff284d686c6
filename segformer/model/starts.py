"""Encoders with their weights as named choices of a search. Loads no torch."""

from collections.abc import Iterator, Mapping
from typing import Any

from segformer.model.at_hand import in_folder, is_at_hand
from segformer.model.initial_weights import LIGHT, ON_GPU, PATH, SCALING, TYPE
from segformer.model.public_weights import of_encoder
from segformer.spec.backbones import BACKBONES

_LR, _HEAD = "train.optim.lr", "train.optim.head_lr_ratio"
_DECAY, _FREEZE = "train.optim.layer_decay", "model.backbone.freeze_backbone"
_DROP_PATH = "model.backbone.drop_path_rate"


def _rate(low: float, high: float, prior: float) -> dict[str, Any]:
    return {"low": low, "high": high, "log": True, "prior": prior}


_NEVER_FROZEN = {_FREEZE: {"choices": [False], "prior": False}}
_TRAINED = {
    _HEAD: _rate(1.0, 40.0, 10.0),
    # Few values, so that costs of a model are measured once for many trials.
    _DROP_PATH: {"choices": [0.0, 0.1, 0.2, 0.3], "prior": 0.1},
    **_NEVER_FROZEN,
}
_LAYERED = {_DECAY: {"low": 0.6, "high": 1.0, "prior": 0.9}}
_TRANSFORMER = {_LR: _rate(1e-5, 1e-3, 1e-4), **_TRAINED, **_LAYERED}

# Self-supervised features are worth keeping: low rates, lower ones below, or frozen.
_VIT = {
    _LR: _rate(3e-6, 3e-4, 4e-5),
    _HEAD: _rate(1.0, 40.0, 10.0),
    _FREEZE: {"choices": [False, True], "weights": [3, 1], "prior": False},
    _DECAY: {"low": 0.6, "high": 1.0, "prior": 0.8},
}

_RANGES: Mapping[str, Mapping[str, Any]] = {
    # Measured: 3e-4 reaches .445 on CamVid at 160 px in four epochs.
    "efficientnet_lite": {_LR: _rate(3e-5, 3e-3, 3e-4), **_TRAINED},
    "mit": _TRANSFORMER,
    "fan": _TRANSFORMER,
    "convnext": {_LR: _rate(1e-5, 1e-3, 1e-4), **_TRAINED, **_LAYERED},
    "dinov2": _VIT,
    "dinov3": _VIT,
    "siglip": _VIT,
}
"""By family: the ranges of an encoder that starts from pretrained weights, with their centres."""
_FROM_SCRATCH = {_LR: _rate(1e-4, 1e-2, 1e-3), **_NEVER_FROZEN}


def starts(*, has_gpu: bool) -> dict[str, Any]:
    """Return the choices of an overlay: each sets encoder, weights and scaling, and gives ranges.

    Those with weights on this machine that suit it have the weight 1, the one to prefer first.
    All others are there to be named: their weight is 0.
    """
    preferred = ON_GPU if has_gpu else LIGHT
    names = dict.fromkeys([*preferred, *BACKBONES])
    offered = {name: next(_sources(name), None) for name in names}
    ready = [name for name in names if offered[name] is not None]
    rest = [name for name in names if offered[name] is None]
    return {
        name: _start(name, offered[name], is_preferred=name in preferred and name in ready)
        for name in (*ready, *rest)
    }


def _sources(encoder: str) -> Iterator[tuple[str, Any]]:
    """Yield the weights of an encoder on this machine, with their mean and standard deviation."""
    scalings = [public.scaling for public in of_encoder(encoder)]
    if (file := in_folder(encoder)) is not None:
        yield str(file), scalings[0] if scalings else None
    for public in of_encoder(encoder):
        if public.source is not None and is_at_hand(public):
            yield public.source, public.scaling


def _start(encoder: str, source: tuple[str, Any] | None, *, is_preferred: bool) -> dict[str, Any]:
    settings: dict[str, Any] = {TYPE: encoder, PATH: "" if source is None else source[0]}
    if source is not None and source[1] is not None:
        settings |= {key: list(part) for key, part in zip(SCALING, source[1], strict=True)}
    ranges = _FROM_SCRATCH if source is None else _RANGES[BACKBONES[encoder].family]
    return {"set": settings, "search": ranges, "weight": int(is_preferred)}
