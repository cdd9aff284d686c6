"""The facts of skill_info.yaml: what the skill's actions take, and how AutoML drives them."""

from collections.abc import Mapping
from typing import Any

from segformer.errors import SpecError
from segformer.overrides import flattened
from segformer.schema import NAME
from segformer.spec import ACTIONS

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
"""Short names that are taken for dotted keys."""

METRICS = (
    "train_loss", "val_loss", "val_acc", "val_miou", "val_macc",
    "val_mf1", "val_mprecision", "val_mrecall",
)  # fmt: skip
"""What a training reports of each epoch, the scores of the single classes left out."""
COSTS = ("parameters", "gflops", "latency_ms", "memory_mb", "memory_limit_mb")
"""What is measured of a model before it is trained."""
COST_KEYS = ("model.", "dataset.segment.img_size", "dataset.segment.batch_size",
             "dataset.segment.num_classes")  # fmt: skip
"""Keys, or beginnings of keys, that costs depend on."""

_ROOT = "dataset.segment.root_dir"
_CALIBRATION = "dataset.segment.quant_calibration_dataset.images_dir"
_FOLDER, _MAY_BE_FILE = {"type": "folder"}, {"type": "file", "optional": True}
_MAY_BE_FOLDER = {"type": "folder", "optional": True}
_WEIGHTS = [".ckpt", ".safetensors"]


def _model_unless(other: str) -> dict[str, Any]:
    return {"type": "file", "suffixes": [*_WEIGHTS, ".pth", ".onnx"], "unless": other}


_INPUTS: dict[str, dict[str, Any]] = {
    "train": {
        _ROOT: _FOLDER,
        "model.backbone.pretrained_backbone_path": _MAY_BE_FILE,
        "train.pretrained_model_path": _MAY_BE_FILE,
        "train.resume_training_checkpoint_path": _MAY_BE_FILE,
    },
    "evaluate": {
        _ROOT: _FOLDER,
        "evaluate.checkpoint": _model_unless("evaluate.trt_engine"),
        "evaluate.trt_engine": {"type": "file", "optional": True, "suffixes": [".engine"]},
    },
    "inference": {
        _ROOT: _MAY_BE_FOLDER,
        "inference.images_dir": _MAY_BE_FOLDER,
        "inference.checkpoint": _model_unless("inference.trt_engine"),
        "inference.trt_engine": {"type": "file", "optional": True, "suffixes": [".engine"]},
    },
    "export": {
        _ROOT: _MAY_BE_FOLDER,
        "export.checkpoint": {"type": "file", "suffixes": [*_WEIGHTS]},
    },
    "quantize": {
        _ROOT: _FOLDER,
        _CALIBRATION: _MAY_BE_FOLDER,
        "quantize.model_path": {"type": "file", "suffixes": [*_WEIGHTS, ".onnx"]},
    },
    "gen_trt_engine": {
        _ROOT: _MAY_BE_FOLDER,
        _CALIBRATION: _MAY_BE_FOLDER,
        "gen_trt_engine.onnx_file": {"type": "file", "suffixes": [".onnx"]},
    },
}
_SOURCES: dict[str, dict[str, Any]] = {
    "train": {_ROOT: {"source": "train_datasets"}},
    "evaluate": {_ROOT: {"source": "eval_dataset"}},
    "inference": {_ROOT: {"source": "inference_dataset", "unless": "inference.images_dir"}},
    # A checkpoint carries what an export needs of its data.
    "export": {_ROOT: {"source": "train_datasets", "optional": True}},
    "quantize": {
        _ROOT: {"source": "train_datasets"},
        _CALIBRATION: {"source": "calibration_dataset", "optional": True},
    },
    "gen_trt_engine": {
        _ROOT: {"source": "train_datasets", "optional": True},
        _CALIBRATION: {"source": "calibration_dataset", "optional": True},
    },
}
"""By action: the keys that hold data and the data set that each takes."""
_ALWAYS = {"encryption_key": "key", "results_dir": "output_dir"}
_PARAMS = {
    "train": {
        "model.backbone.pretrained_backbone_path": "ptm_if_no_resume_model",
        "train.pretrained_model_path": "ptm_if_no_resume_model",
        "train.resume_training_checkpoint_path": "resume_model",
    },
    "evaluate": {"evaluate.checkpoint": "parent_model", "evaluate.trt_engine": "parent_model"},
    "inference": {"inference.checkpoint": "parent_model", "inference.trt_engine": "parent_model"},
    "export": {"export.checkpoint": "parent_model", "export.onnx_file": "create_onnx_file"},
    "quantize": {"quantize.model_path": "parent_model"},
    "gen_trt_engine": {
        "gen_trt_engine.onnx_file": "parent_model",
        "gen_trt_engine.trt_engine": "create_engine_file",
    },
}
"""By action: the keys that are filled before it runs, and what fills each."""


_USAGE = """\
from segformer.loaded import load_model
model = load_model("model.onnx")
classes = model.segment("image.jpg")  # class ids, height x width of the image
print(model.class_names, classes.shape)
model.overlay("image.jpg").save("overlay.png")
"""
"""How a promoted model is used from Python; the model card says it."""


def full_keys(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return overrides flat, short names written out; raises `SpecError` for a key given twice."""
    flat: dict[str, Any] = {}
    for name, value in flattened(overrides):
        key = SHORTHAND.get(name, name)
        if key in flat and flat[key] != value:
            raise SpecError(f"{key}: is given twice, as {flat[key]!r} and as {name}={value!r}")
        flat[key] = value
    return flat


def inputs(action: str, given: Mapping[str, Any]) -> dict[str, bool]:
    """Return the keys of the files and folders that an action reads: whether each must be given.

    `given` are the values of other keys, one of which may stand in for it.
    """
    return {
        key: not kind.get("optional", False) and not given.get(kind.get("unless", ""))
        for key, kind in _INPUTS[action].items()
    }


def skill_info() -> dict[str, Any]:
    """Return the content of references/skill_info.yaml."""
    return {
        "name": NAME,
        "network_arch": NAME,
        "description": "SegFormer: a hierarchical transformer encoder with an all-MLP head, "
        "for semantic segmentation",
        "automl_enabled": True,
        "data_format": "unet",
        "objective": {"metric": "val_miou", "mode": "max"},
        "epochs_key": "train.num_epochs",
        "images_key": "inference.images_dir",
        "seed_key": "train.seed",
        "batch_size_key": "dataset.segment.batch_size",
        "accumulation_key": "train.accumulate_grad_batches",
        "metrics": list(METRICS),
        "gpus": {"key": "train.num_gpus", "unless": {"train.accelerator": "cpu"}},
        "costs": {"metrics": list(COSTS), "keys": list(COST_KEYS)},
        "checkpoints": {"best": "checkpoints/best.ckpt", "last": "checkpoints/last.ckpt"},
        "actions": {action: _action(action) for action in ACTIONS},
        "data_sources": {a: {k: dict(v) for k, v in _SOURCES[a].items()} for a in ACTIONS},
        "spec_params": {a: {**_ALWAYS, **_PARAMS[a]} for a in ACTIONS},
        "usage": _USAGE,
        "promotion": {
            # The promotion has a gate of its own.
            "quantize": {"quantize.max_miou_drop": 1.0},
            "evaluate": {
                "evaluate.split": "validation",
                "evaluate.vis_after_n_batches": 0,
                "evaluate.latency.runs": 30,
            },
            "test": {"evaluate.vis_after_n_batches": 0},
            "export": {
                "export.input_height": "dataset.segment.img_size",
                "export.input_width": "dataset.segment.img_size",
            },
        },
        "spec_shorthand_keys": dict(SHORTHAND),
        "key_defaults": {},
        "spec_templates": {a: f"references/spec_template_{a}.yaml" for a in ACTIONS},
    }


def _action(action: str) -> dict[str, Any]:
    return {
        "command": f"{NAME} {action} -e {{config_path}}",
        "config_format": "yaml",
        "mode": "config",
        "inputs": {key: dict(kind) for key, kind in _INPUTS[action].items()},
        "outputs": {"results_dir": dict(_FOLDER)},
    }
