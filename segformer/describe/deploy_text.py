"""Generates the deployment reference: a text, and a spec for each action with an engine."""

from typing import Any

import yaml

from segformer.describe.field_list import field_rows
from segformer.describe.schema import NAME, default

ACTIONS = ("gen_trt_engine", "evaluate", "inference")
"""Actions that build or run an engine."""

_ENGINE = "results/gen_trt_engine/model.engine"
_DATA = ("dataset", "root_dir", "img_size", "workers")
_SPLITS = {
    "gen_trt_engine": ("train_split",),
    "evaluate": ("validation_split", "test_split"),
    "inference": ("predict_split",),
}
_MODELS: dict[str, dict[str, str]] = {
    "gen_trt_engine": {"onnx_file": "results/export/model.onnx", "trt_engine": _ENGINE},
    "evaluate": {"trt_engine": _ENGINE},
    "inference": {"trt_engine": _ENGINE},
}


def deploy_template(action: str) -> str:
    """Return a YAML spec of an action that builds or runs an engine."""
    head = (
        f"# For `{NAME} {action} -e` with TensorRT, generated from segformer/spec/spec.py.\n"
        "# img_size, mean and std are the defaults of training; those in the model override them.\n"
        "# Classes and palette are those of the data's dataset.json: give num_classes,\n"
        "# label_transform, palette and ignore_index here only if there is none.\n"
    )
    return head + yaml.safe_dump(deploy_spec(action), sort_keys=False)


def deploy_spec(action: str) -> dict[str, Any]:
    """Return the spec of `deploy_template`, nested."""
    whole = default(action)
    segment = whole["dataset"]["segment"]
    kept = {name: segment[name] for name in (*_DATA, *_SPLITS[action])}
    scaling = {name: segment["augmentation"][name] for name in ("mean", "std")}
    kept |= {"augmentation": scaling}
    if action != "gen_trt_engine":
        kept["root_dir"] = "my_data"
    else:
        kept["quant_calibration_dataset"] = segment["quant_calibration_dataset"]
    return {
        "results_dir": "results",
        "encryption_key": whole["encryption_key"],
        "dataset": {"segment": kept},
        "model": {"backbone": {"type": whole["model"]["backbone"]["type"]}},
        action: whole[action] | _MODELS[action],
    }


def deploy_text() -> str:
    """Return references/tao-deploy-segformer.md."""
    scaling = default("train")["dataset"]["segment"]
    tables = {action: _table(action) for action in ACTIONS}
    return _TEXT.format(
        size=scaling["img_size"],
        mean=scaling["augmentation"]["mean"],
        std=scaling["augmentation"]["std"],
        **tables,
    )


def _table(action: str) -> str:
    lines = ["| key | default | meaning |", "| --- | --- | --- |"]
    for row in field_rows():
        if row.key.startswith(f"{action}."):
            limits = [limit for limit in (row.bounds, ", ".join(map(str, row.choices))) if limit]
            text = "; ".join([row.text, *limits]).replace("|", "\\|")
            lines.append(f"| `{row.key}` | `{row.default!r}` | {text} |")
    return "\n".join(lines)


_TEXT = """\
# Deploy SegFormer with TensorRT

Generated from segformer/describe/deploy_text.py and the spec classes.

## Requirements

An ONNX model that `segformer export` or `quantize` wrote, or that a search promoted. `tensorrt`
is used if it is installed (`pip install tensorrt`, on a machine with a GPU), else `tensorrt_rtx`
(`pip install 'automl-segformer[trt]'`). The latter builds without a GPU, ahead of time, and needs
one to run.

## By paths

    segformer export export.checkpoint=best.ckpt results_dir=results
    segformer gen_trt_engine -e spec_template_deploy_gen_trt_engine.yaml
    segformer evaluate -e spec_template_deploy_evaluate.yaml root_dir=my_data
    segformer inference -e spec_template_deploy_inference.yaml inference.images_dir=photos

The three specs are in this folder. Each action reads what the one before it wrote. int8 also needs
root_dir for `gen_trt_engine`, or `cal_image_dir`.

## By ids

    automl job run export --parent JOB
    automl job run gen_trt_engine --parent JOB
    automl job run evaluate --parent JOB
    automl job run inference --parent JOB

No paths are needed: each job takes the model of its parent, JOB. `automl promote EXPERIMENT --to
engine` does all of it for the best trial of a search, with a gate on the mIoU.

## Preprocessing

Images as in training: read as RGB, resized to the model's size, scaled by its mean and std. Size,
mean and std are recorded in the ONNX model and beside the engine (`model.engine.json`) and override
the spec's. Training defaults to dataset.segment.img_size {size}, mean {mean} and std {std}, as do
the deploy specs. Masks are compared at the model's size by the code that training uses; class ids
are never interpolated.

Input `input` (batch, channels, height, width), fp32; output `output`, logits (batch, classes,
height/4, width/4), fp32. Both are fp32 at any precision.

## Precision

The precision is written into the graph, and TensorRT 10, 11 and RTX obey it.

| gen_trt_engine.tensorrt.data_type | computed in it |
| --- | --- |
| fp32 | everything |
| fp16, bf16 | everything but the layers that `layers_precision` names |
| int8 | convolutions and products with weights; the rest in fp16 |

For int8, a model without Q/DQ is calibrated first, on `cal_batches` of `cal_batch_size` images.

## Encryption

With `encryption_key=env:NAME` engine, facts, calibrated graph and calibration cache are encrypted;
building, evaluate and inference read an encrypted ONNX model or engine with the same key. The
timing cache holds no weights and is not encrypted.

## gen_trt_engine

{gen_trt_engine}

## evaluate

{evaluate}

## inference

{inference}
"""
