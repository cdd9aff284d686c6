"""Short names of keys, and the files and folders that an action reads."""

from collections.abc import Mapping
from typing import Any

from segformer.errors import SpecError
from segformer.spec.overrides import flattened

SHORTHAND = {
    "num_epochs": "train.num_epochs",
    "num_gpus": "train.num_gpus",
    "batch_size": "dataset.segment.batch_size",
    "learning_rate": "train.optim.lr",
    "num_classes": "dataset.segment.num_classes",
    "img_size": "dataset.segment.img_size",
    "num_workers": "dataset.segment.workers",
    "root_dir": "dataset.segment.root_dir",
    "calibration_images": "dataset.segment.quant_calibration_dataset.images_dir",
    "pretrained_backbone": "model.backbone.pretrained_backbone_path",
    "pretrained_model": "train.pretrained_model_path",
    "resume_checkpoint": "train.resume_training_checkpoint_path",
    "quantize_model": "quantize.model_path",
    "checkpoint": "evaluate.checkpoint",
    "input_width": "export.input_width",
    "input_height": "export.input_height",
    "export_onnx": "export.onnx_file",
}
"""Short name -> dotted key."""

ROOT = "dataset.segment.root_dir"

CALIBRATION = "dataset.segment.quant_calibration_dataset.images_dir"

FOLDER, _MAY_BE_FILE = {"type": "folder"}, {"type": "file", "optional": True}

_MAY_BE_FOLDER = {"type": "folder", "optional": True}

_WEIGHTS = [".ckpt", ".safetensors"]


def _model_unless(other: str) -> dict[str, Any]:
    return {"type": "file", "suffixes": [*_WEIGHTS, ".pth", ".onnx"], "unless": other}


INPUTS: dict[str, dict[str, Any]] = {
    "train": {
        ROOT: FOLDER,
        "model.backbone.pretrained_backbone_path": _MAY_BE_FILE,
        "train.pretrained_model_path": _MAY_BE_FILE,
        "train.resume_training_checkpoint_path": _MAY_BE_FILE,
    },
    "evaluate": {
        ROOT: FOLDER,
        "evaluate.checkpoint": _model_unless("evaluate.trt_engine"),
        "evaluate.trt_engine": {"type": "file", "optional": True, "suffixes": [".engine"]},
    },
    "inference": {
        ROOT: _MAY_BE_FOLDER,
        "inference.images_dir": _MAY_BE_FOLDER,
        "inference.checkpoint": _model_unless("inference.trt_engine"),
        "inference.trt_engine": {"type": "file", "optional": True, "suffixes": [".engine"]},
    },
    "export": {
        ROOT: _MAY_BE_FOLDER,
        "export.checkpoint": {"type": "file", "suffixes": [*_WEIGHTS]},
    },
    "quantize": {
        ROOT: FOLDER,
        CALIBRATION: _MAY_BE_FOLDER,
        "quantize.model_path": {"type": "file", "suffixes": [*_WEIGHTS, ".onnx"]},
    },
    "gen_trt_engine": {
        ROOT: _MAY_BE_FOLDER,
        CALIBRATION: _MAY_BE_FOLDER,
        "gen_trt_engine.onnx_file": {"type": "file", "suffixes": [".onnx"]},
    },
}


def full_keys(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return overrides by dotted key in place of short names.

    Raises `SpecError` for a key with two values.
    """
    flat: dict[str, Any] = {}
    for name, value in flattened(overrides):
        key = SHORTHAND.get(name, name)
        if key in flat and flat[key] != value:
            raise SpecError(f"{key}: is given twice, as {flat[key]!r} and as {name}={value!r}")
        flat[key] = value
    return flat


def inputs(action: str, values: Mapping[str, Any]) -> dict[str, bool]:
    """Return the keys of the files and folders that an action reads: whether each is required.

    `values` are by dotted key; a key may be optional because another one is set.
    """
    return {
        key: not kind.get("optional", False) and not values.get(kind.get("unless", ""))
        for key, kind in INPUTS[action].items()
    }
