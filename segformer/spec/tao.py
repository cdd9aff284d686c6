"""Reads TAO's specs as they are: defaults of TAO's that have no effect here are left out.

Each is named in a note for the user; another value of the same key is refused like any other.
"""

import netrc
import os
from collections.abc import Iterable, Iterator, Mapping
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

_SWITCHES = {
    "wandb.enable": {
        f"wandb.{name}"
        for name in ("project", "entity", "group", "name", "run_id", "tags", "reinit", "save_code")
    }
    | {"wandb.sync_tensorboard"},
    "train.tensorboard.enabled": {"train.tensorboard.infrequent_logging_frequency"},
    "train.checkpointer.enable_topk": {
        f"train.checkpointer.{name}"
        for name in ("save_top_k", "monitor", "mode", "filename", "dirpath", "replace_periodic")
    }
    | {"train.checkpointer.auto_insert_metric_name"},
}
"""Switches of TAO's, and the keys that have no effect where one is off."""

_OLD = (
    *("dataset.img_norm_cfg", "dataset.train_dataset", "dataset.val_dataset"),
    *("dataset.test_dataset", "dataset.data_root", "dataset.input_type"),
    *("dataset.repeat_data_times", "dataset.workers_per_gpu"),
    *("train.max_iters", "train.exp_config", "train.trainer", "train.sf_optim"),
    *("model.input_height", "model.input_width"),
)
"""How the keys begin that only the SegFormer of TAO 5 had."""

_RENAMED = {
    "dataset.train_dataset": "dataset.segment.root_dir (the folder above images/ and masks/)",
    "dataset.test_dataset": "dataset.segment.root_dir (the folder above images/ and masks/)",
    "dataset.batch_size": "dataset.segment.batch_size",
    "dataset.workers_per_gpu": "dataset.segment.workers",
    "dataset.palette": "dataset.segment.palette",
    "dataset.img_norm_cfg": "dataset.segment.augmentation.mean and std (of values from 0 to 1)",
    "model.input_height": "dataset.segment.img_size",
    "model.pretrained_model_path": "train.pretrained_model_path",
    "train.max_iters": "train.num_epochs",
    "train.exp_config": "train.seed",
    "train.trainer": "train.optim (lr, weight_decay)",
    "train.sf_optim": "train.optim (lr, weight_decay)",
}
"""Keys and sections of TAO 5, and what they are now."""

_CHANNELS = [64, 128, 320, 512]
_WEIGHTS = [0.5, 0.5, 0.5, 0.8, 1.0]


def is_tao_field(key: str) -> bool:
    """Whether a dotted key is one of `FIELDS`, is below one, or is a section that holds one."""
    return any(
        key == name or name.startswith(f"{key}.") or key.startswith(f"{name}.") for name in FIELDS
    )


def without_nulls(flat: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by dotted key without nulls that stand for nothing given.

    These are sections with nothing in them, and fields whose default is an empty text or list. Any
    other null is a value, or refused like one.
    """

    def is_nothing(key: str) -> bool:
        return defaults.get(key) in ("", []) or any(k.startswith(f"{key}.") for k in defaults)

    return {key: value for key, value in flat.items() if value is not None or not is_nothing(key)}


def none_faults(flat: Mapping[str, Any], keys: Iterable[str]) -> list[str]:
    """Return the faults of paths and other texts of `keys` that Python's None was written for."""
    return [
        f"{key}: {flat[key]!r} would be taken as a name; for none write null or leave it out"
        for key in keys
        if flat.get(key) in ("None", "null")
    ]


def old_spec_fault(flat: Mapping[str, Any]) -> str | None:
    """Return the fault of a spec of TAO 5, whose SegFormer had other keys, or None."""
    old = [key for key in flat if key.startswith(_OLD)]
    if not old:
        return None
    renamed = [
        f"{key} is now {new}"
        for key, new in _RENAMED.items()
        if any(name == key or name.startswith(f"{key}.") for name in flat)
    ]
    return (
        f"{old[0]}: is a key of TAO 5, whose SegFormer had another spec; `segformer default_specs`"
        f" writes the present one{': ' if renamed else ''}{', '.join(renamed)}"
    )


def without_tao_defaults(
    flat: Mapping[str, Any], defaults: Mapping[str, Any], environ: Mapping[str, str] = os.environ
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return values by dotted key without TAO's defaults that have no effect, and a note by key.

    `defaults` holds the values of keys that are not in `flat`.
    """
    notes = dict(_notes(flat, defaults, environ))
    kept = {key: value for key, value in flat.items() if key not in notes}
    return kept, notes


def _notes(
    flat: Mapping[str, Any], defaults: Mapping[str, Any], environ: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    whole = {**defaults, **flat}
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
    has_login = flat.get(WANDB_KEY) is not True or _has_wandb_login(environ)
    if not has_login:
        yield (
            WANDB_KEY,
            "TAO's default true has no effect without a login to Weights & Biases (WANDB_API_KEY or"
            " `wandb login`)",
        )
    for switch, keys in _SWITCHES.items():
        if flat.get(switch) is False or (switch == WANDB_KEY and not has_login):
            for key in sorted(key for key in keys & flat.keys() if flat[key] != defaults.get(key)):
                yield key, f"has no effect without {switch}=true"


def _has_wandb_login(environ: Mapping[str, str]) -> bool:
    """Whether Weights & Biases is set up: a key, a mode or server of one's own, or its netrc."""
    if any(environ.get(f"WANDB_{name}") for name in ("API_KEY", "MODE", "BASE_URL")):
        return True
    path = Path(environ.get("NETRC") or "~/.netrc").expanduser()
    try:
        return "api.wandb.ai" in netrc.netrc(path).hosts
    except (OSError, netrc.NetrcParseError):
        return False
