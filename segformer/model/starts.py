"""Encoders with their weights as named choices of a search. Loads no torch."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from segformer.model.at_hand import in_folder, is_at_hand
from segformer.model.initial_weights import PATH, SCALING, TYPE, WHOLE, Wish, fitting, start_of
from segformer.model.public_weights import of_encoder
from segformer.spec.backbones import BACKBONES

_LR, _HEAD = "train.optim.lr", "train.optim.head_lr_ratio"
_DECAY, _FREEZE = "train.optim.layer_decay", "model.backbone.freeze_backbone"
_DROP_PATH = "model.backbone.drop_path_rate"


def _rate(low: float, high: float, prior: float) -> dict[str, Any]:
    return {"low": low, "high": high, "log": True, "prior": prior}


_CHANNELS_LAST = {"train.channels_last": {"choices": [True], "prior": True}}
"""Measured: a step of EfficientNet-Lite0 takes .75 of the time on a CPU, with the same result."""
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
    # Measured on validation: 1e-3 reaches .552 on CamVid at 160 px in eight epochs (3e-4: .523),
    # and .840 on the sample in ten (3e-4: .828).
    "efficientnet_lite": {_LR: _rate(1e-4, 1e-2, 1e-3), **_TRAINED, **_CHANNELS_LAST},
    "mit": _TRANSFORMER,
    "fan": _TRANSFORMER,
    "convnext": {_LR: _rate(1e-5, 1e-3, 1e-4), **_TRAINED, **_LAYERED},
    "dinov2": _VIT,
    "dinov3": _VIT,
    "siglip": _VIT,
}
"""By family: the ranges of an encoder that starts from pretrained weights, with their centres."""
_FROM_SCRATCH = {_LR: _rate(1e-4, 1e-2, 1e-3), **_NEVER_FROZEN}


def starts(wish: Wish) -> dict[str, Any]:
    """Return the choices of an overlay: each sets encoder, weights and scaling, and gives ranges.

    Those that need not be named have the weight 1, the one that `--weights auto` takes first. All
    others have the weight 0. A start that follows from what the user set is the only one: its
    settings are his, and its ranges suit them.
    """
    encoder, is_pretrained = start_of(wish)
    if wish.weights == "none":
        offered: dict[str, tuple[str, Any] | None] = dict.fromkeys(BACKBONES)
    else:
        offered = {name: next(_sources(name), None) for name in BACKBONES}
    others = {name: _start(name, offered[name], weight=0) for name in BACKBONES}
    if not is_pretrained or offered[encoder] is None or {PATH, WHOLE} & _given(wish):
        alone = {"set": {}, "search": _ranges(encoder, is_pretrained), "weight": 1}
        return {encoder: alone, **_without(others, [encoder])}
    ready = [name for name in wish.encoders if name in _fitting_names(wish)] or [encoder]
    ready.sort(key=lambda name: name != encoder)
    first = {name: _start(name, offered[name], weight=1) for name in ready}
    return {**first, **_without(others, ready)}


def _given(wish: Wish) -> set[str]:
    return {key for key, value in wish.values.items() if value}


def _fitting_names(wish: Wish) -> set[str]:
    return {encoder for encoder, _, _ in fitting(wish)}


def _without(choices: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: choice for name, choice in choices.items() if name not in names}


def _sources(encoder: str) -> Iterator[tuple[str, Any]]:
    """Yield the weights of an encoder on this machine, with their mean and standard deviation."""
    scalings = [public.scaling for public in of_encoder(encoder)]
    if (file := in_folder(encoder)) is not None:
        yield str(file), scalings[0] if scalings else None
    for public in of_encoder(encoder):
        if public.source is not None and is_at_hand(public):
            yield public.source, public.scaling


def _start(encoder: str, source: tuple[str, Any] | None, *, weight: int) -> dict[str, Any]:
    settings: dict[str, Any] = {TYPE: encoder, PATH: "" if source is None else source[0]}
    if source is not None and source[1] is not None:
        settings |= {key: list(part) for key, part in zip(SCALING, source[1], strict=True)}
    return {"set": settings, "search": _ranges(encoder, source is not None), "weight": weight}


def _ranges(encoder: str, is_pretrained: bool) -> Mapping[str, Any]:
    """Return the ranges of an encoder; one that the spec does not know gets none."""
    if not is_pretrained:
        return _FROM_SCRATCH
    return _RANGES[BACKBONES[encoder].family] if encoder in BACKBONES else {}
