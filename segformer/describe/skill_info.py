"""The content of skill_info.yaml: inputs of the actions, and how AutoML drives them."""

from typing import Any

from segformer.describe.schema import NAME
from segformer.spec import ACTIONS
from segformer.spec.keys import CALIBRATION, FOLDER, INPUTS, ROOT, SHORTHAND
from segformer.spec.sections.train import direction_of

_SHARES = ("val_acc", "val_miou", "val_macc", "val_mf1", "val_mprecision", "val_mrecall")
METRICS = {
    **{name: {"mode": direction_of(name), "unit": "1"} for name in ("train_loss", "val_loss")},
    **{name: {"mode": direction_of(name), "unit": "share"} for name in _SHARES},
}
"""Metrics that a training reports each epoch, without those of single classes."""
COSTS = ("parameters", "gflops", "latency_ms", "memory_mb", "memory_limit_mb")
"""Costs that are measured of a model before it is trained."""
COST_KEYS = ("model.", "dataset.segment.img_size", "dataset.segment.img_height",
             "dataset.segment.img_width", "dataset.segment.batch_size",
             "dataset.segment.num_classes")  # fmt: skip
"""Keys, or beginnings of keys, that costs depend on."""


_SOURCES: dict[str, dict[str, Any]] = {
    "train": {ROOT: {"source": "train_datasets"}},
    "evaluate": {ROOT: {"source": "eval_dataset"}},
    "inference": {ROOT: {"source": "inference_dataset", "unless": "inference.images_dir"}},
    # The checkpoint records what an export needs to know of the data.
    "export": {ROOT: {"source": "train_datasets", "optional": True}},
    "quantize": {
        ROOT: {"source": "train_datasets"},
        CALIBRATION: {"source": "calibration_dataset", "optional": True},
    },
    "gen_trt_engine": {
        ROOT: {"source": "train_datasets", "optional": True},
        CALIBRATION: {"source": "calibration_dataset", "optional": True},
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
from segformer.api import load_model
model = load_model("model.onnx")
classes = model.segment("image.jpg")  # class ids, height x width of the image
print(model.class_names, classes.shape)
model.overlay("image.jpg").save("overlay.png")
# Without this package, by onnxruntime, numpy and Pillow: python infer.py image.jpg
# In any program that runs ONNX: model_picture.onnx, if it is beside the model,
# takes RGB pixels (or the model's bands, HxWxC) of any size as a whole and gives their mask. It
# shrinks a picture of more than twice the training's size, of which infer.py takes overlapping
# windows.
#   session = onnxruntime.InferenceSession("model_picture.onnx")
#   (mask,) = session.run(None, {"image": pixels})  # both of 8 bits, HxWx3 and HxW
"""
"""Use of a promoted model from Python, for the model card."""


def skill_info() -> dict[str, Any]:
    """Return the content of references/skill_info.yaml."""
    return {
        "name": NAME,
        "network_arch": NAME,
        "description": "SegFormer: a hierarchical transformer encoder with an all-MLP head, "
        "for semantic segmentation",
        "automl_enabled": True,
        # `--space default` searches what the schema marks, TAO's 16.
        "default_space": "practitioner",
        "transfer": "transfer.json",
        "data_format": "unet",
        "objective": {"metric": "val_miou", "mode": "max"},
        "epochs_key": "train.num_epochs",
        "shortened_key": "train.shortened",
        "images_key": "inference.images_dir",
        "probabilities_key": "inference.probabilities",
        "seed_key": "train.seed",
        "report_interval_key": "train.validation_interval",
        "batch_size_key": "dataset.segment.batch_size",
        "accumulation_key": "train.accumulate_grad_batches",
        "metrics": {name: dict(facts) for name, facts in METRICS.items()},
        "gpus": {"key": "train.num_gpus", "unless": {"train.accelerator": "cpu"}},
        "costs": {"metrics": list(COSTS), "keys": list(COST_KEYS)},
        "checkpoints": {"best": "checkpoints/best.ckpt", "last": "checkpoints/last.ckpt"},
        "actions": {action: _action(action) for action in ACTIONS},
        "data_sources": {a: {k: dict(v) for k, v in _SOURCES[a].items()} for a in ACTIONS},
        "spec_params": {a: {**_ALWAYS, **_PARAMS[a]} for a in ACTIONS},
        "usage": _USAGE,
        "promotion": {
            # The promotion has a gate of its own.
            "quantize": {"quantize.max_miou_drop": 1.0, "quantize.algorithm": "auto"},
            "calibration": {"export.calibrate": True},
            "max_drop": {"quantize": "quantize.target_drop"},
            "qat": {"epochs": "quantize.qat_epochs", "model": "safetensors"},
            "evaluate": {
                "evaluate.split": "validation",
                "evaluate.vis_after_n_batches": 0,
                "evaluate.latency.runs": 30,
                "evaluate.latency.largest_batch": 16,
            },
            "test": {"evaluate.vis_after_n_batches": 0},
            "deepstream": {
                "export.serialize_nvdsinfer": True,
                "export.with_preprocessing": False,
            },
            "export": {
                "export.input_height": "dataset.segment.img_height",
                "export.input_width": "dataset.segment.img_width",
            },
        },
        "quality": {
            "class_scores": "val_iou_",
            "constant": {"val_miou": "val_constant_miou", "val_acc": "val_constant_acc"},
        },
        "refinements": {
            "average": "several",
            "windows": "one",
            "flips": "one",
            "class_bias": "one",
        },
        "packages": {"triton": "a model repository for NVIDIA Triton"},
        "spec_shorthand_keys": dict(SHORTHAND),
        "key_defaults": {},
        "spec_templates": {a: f"references/spec_template_{a}.yaml" for a in ACTIONS},
    }


def _action(action: str) -> dict[str, Any]:
    return {
        "command": f"{NAME} {action} -e {{config_path}}",
        "config_format": "yaml",
        "mode": "config",
        "inputs": {key: dict(kind) for key, kind in INPUTS[action].items()},
        "outputs": {"results_dir": dict(FOLDER)},
    }
