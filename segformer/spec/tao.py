"""Reads TAO's specs as they are: defaults of TAO's that have no effect here are left out.

Each is named in a note for the user; another value of the same key is refused like any other.
"""

import netrc
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from segformer.spec.backbones import BACKBONES

FIELDS = frozenset({"quantize.backend_kwargs"})
"""TAO's fields that the spec classes do not have; only an empty value is accepted."""

MISSING = "???"
"""TAO's text for a value that the user must give."""

CHANNELS_KEY = "model.decode_head.in_channels"
WEIGHTS_KEY = "train.segment.weights"
WANDB_KEY = "wandb.enable"

_CHANNELS = [64, 128, 320, 512]
_WEIGHTS = [0.5, 0.5, 0.5, 0.8, 1.0]


def is_tao_field(key: str) -> bool:
    """Whether a dotted key is one of `FIELDS`, is below one, or is a section that holds one."""
    return any(
        key == name or name.startswith(f"{key}.") or key.startswith(f"{name}.") for name in FIELDS
    )


def interpolation_faults(flat: Mapping[str, Any]) -> list[str]:
    """Return the faults of values with ${...} in them, which OmegaConf would resolve for TAO.

    Taken as they stand, they would become names of folders.
    """
    return [
        f"{key}: {value!r} is not allowed: ${{...}} is not resolved; write what it stands for"
        for key, value in flat.items()
        if isinstance(value, str) and "${" in value
    ]


def without_tao_defaults(
    flat: Mapping[str, Any], defaults: Mapping[str, Any], environ: Mapping[str, str] = os.environ
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return values by dotted key without TAO's defaults that have no effect, and a note by key.

    `defaults` holds the values of keys that are not in `flat`.
    """
    notes = dict(_notes(flat, {**defaults, **flat}, environ))
    kept = {key: value for key, value in flat.items() if key not in notes}
    return kept, notes


def _notes(
    flat: Mapping[str, Any], whole: Mapping[str, Any], environ: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    for key in sorted(FIELDS & flat.keys()):
        if flat[key] in ({}, None, ""):
            yield key, "TAO's empty value has no effect here"
    facts = BACKBONES.get(str(whole.get("model.backbone.type")))
    if facts and flat.get(CHANNELS_KEY) == _CHANNELS != list(facts.channels):
        yield CHANNELS_KEY, "TAO's default has no effect: the encoder decides the channels"
    classes = whole.get("dataset.segment.num_classes")
    if flat.get(WEIGHTS_KEY) == _WEIGHTS and classes != len(_WEIGHTS):
        yield (
            WEIGHTS_KEY,
            f"TAO's default of 5 weights has no effect with {classes} classes: all count alike",
        )
    if flat.get(WANDB_KEY) is True and not _has_wandb_login(environ):
        yield (
            WANDB_KEY,
            "TAO's default true has no effect without a login to Weights & Biases (WANDB_API_KEY or"
            " `wandb login`)",
        )


def _has_wandb_login(environ: Mapping[str, str]) -> bool:
    """Whether Weights & Biases is set up: a key, a mode or server of one's own, or its netrc."""
    if any(environ.get(f"WANDB_{name}") for name in ("API_KEY", "MODE", "BASE_URL")):
        return True
    path = Path(environ.get("NETRC") or "~/.netrc").expanduser()
    try:
        return "api.wandb.ai" in netrc.netrc(path).hosts
    except (OSError, netrc.NetrcParseError):
        return False
