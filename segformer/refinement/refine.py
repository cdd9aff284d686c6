"""Makes a refined checkpoint, and compares it with the one before."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from segformer.data.dataset import split_folder
from segformer.data.images import image_size
from segformer.data.source import source_of
from segformer.data.windows import windows_of
from segformer.errors import SpecError
from segformer.evaluation.image_counts import Comparison, compared
from segformer.model.saved import ModelRecord, SavedModel, read_model, write_safetensors
from segformer.model.segformer import SegFormer
from segformer.refinement.average import averaged
from segformer.refinement.bias import tuned_bias
from segformer.refinement.compare import counts_of
from segformer.spec.spec import Spec

_BIAS = "head.classifier.bias"
Refined = tuple[SegFormer, ModelRecord]


def refine(kind: str, spec: Spec, checkpoints: Sequence[Path], target: Path) -> Path:
    """Write a refined checkpoint, a .safetensors file, and return it.

    Args:
        kind: average (of several checkpoints), windows, flips or class_bias (of one).
        spec: The spec of a training, for its data.
        checkpoints: What is refined; the first is the best.
        target: The file to write.

    Raises `SpecError` for checkpoints that do not fit each other or need no such refinement.
    """
    models = [read_model(path, otherwise=ModelRecord.of(spec)) for path in checkpoints]
    network, record = KINDS[kind](models, spec)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_safetensors(target, network, record)
    return target


def compare(
    kind: str, spec: Spec, old: Path, new: Path, *, split: Literal["validation", "test"]
) -> Comparison:
    """Compare a refined checkpoint with the one before on a split, over the same pixels."""
    models = [read_model(path, otherwise=ModelRecord.of(spec)) for path in (old, new)]
    is_own_size = kind in ("windows", "flips")
    before, after = (
        counts_of(model, spec.dataset.segment, split, is_own_size=is_own_size) for model in models
    )
    # The other half of the validation images chose the biases.
    is_tuned = kind == "class_bias" and split == "validation"
    return compared(before, after, every_other=is_tuned)


def _average(models: Sequence[SavedModel], spec: Spec) -> Refined:
    record = models[0].record
    epoch = max(model.record.epoch for model in models)
    return averaged(models, spec.dataset.segment), record.after(epoch, {}, best=None)


def _windows(models: Sequence[SavedModel], spec: Spec) -> Refined:
    """Return the model with the choice to cut each image larger than a window into windows."""
    (model,) = models
    prediction = dict(model.record.segment.get("prediction") or {})
    if prediction.get("mode") != "auto":
        raise SpecError(
            f"{model.source}: was not trained with dataset.segment.prediction.mode=auto"
        )
    slid = {**model.record.segment, "prediction": {**prediction, "mode": "slide"}}
    record = replace(model.record, segment=slid)
    old, new = (each.applied_to(spec.dataset.segment) for each in (model.record, record))
    pairs = source_of(old).pairs(split_folder(old, "validation"))
    sizes = {image_size(pair.image) for pair in pairs}
    if all(windows_of(size, old) == windows_of(size, new) for size in sizes):
        raise SpecError(f"{model.source}: no validation image is larger than a window")
    return model.build(), record


def _flips(models: Sequence[SavedModel], spec: Spec) -> Refined:
    """Return the model with the choice to average the mirror image's probabilities."""
    (model,) = models
    prediction = dict(model.record.segment.get("prediction") or {})
    if prediction.get("flip", "none") not in ("none", "as_trained"):
        raise SpecError(f"{model.source}: predicts with flips already")
    segment = {**model.record.segment, "prediction": {**prediction, "flip": "horizontal"}}
    return model.build(), replace(model.record, segment=segment)


def _class_bias(models: Sequence[SavedModel], spec: Spec) -> Refined:
    (model,) = models
    bias = tuned_bias(model.build(), model.record.applied_to(spec.dataset.segment))
    if not bias.any():
        raise SpecError(f"{model.source}: no bias of a class is better than none")
    weights = {**model.weights, _BIAS: model.weights[_BIAS] + bias}
    return replace(model, weights=weights).build(), model.record


KINDS: dict[str, Callable[[Sequence[SavedModel], Spec], Refined]] = {
    "average": _average,
    "windows": _windows,
    "flips": _flips,
    "class_bias": _class_bias,
}
