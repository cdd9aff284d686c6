"""The evaluate action: one model on one split."""

import json
import math
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from segformer.atomic import replacing
from segformer.data.dataset import SegmentationDataset
from segformer.data.labels import class_names
from segformer.data.sampler import EpochSampler
from segformer.evaluation.metrics import Scores, Tally
from segformer.evaluation.predictor import Predictor, load_predictor
from segformer.model.memory import out_of_memory_explained
from segformer.model.saved import ModelRecord
from segformer.result import Result
from segformer.spec import Spec
from segformer.spec_dataset import DatasetSegment

_PREFIXES: dict[Literal["test", "validation"], str] = {"test": "test", "validation": "val"}


def evaluate(spec: Spec, folder: Path) -> Result:
    """Score `evaluate.checkpoint` on a split and write results.json into `folder`.

    Architecture, image size and scaling are the checkpoint's own where it records them; the data
    and what their masks mean are the spec's. Metrics are named test_* or val_* by the split.
    Raises `SpecError`, `CheckpointError`, `DataError`, `OutOfMemoryError`.
    """
    predictor = load_predictor(Path(spec.evaluate.checkpoint), otherwise=ModelRecord.of(spec))
    segment = predictor.record.applied_to(spec.dataset.segment)
    size, batch = segment.img_size, spec.evaluate.batch_size
    with out_of_memory_explained(f"reduce evaluate.batch_size ({batch}; images are {size} px)"):
        scores = _scores(predictor, segment, spec)
    metrics = scores.metrics(_PREFIXES[spec.evaluate.split], class_names(segment))
    file = folder / "results.json"
    content = {
        "checkpoint": spec.evaluate.checkpoint,
        "split": spec.evaluate.split,
        "metrics": metrics,
        "classes": _class_table(scores, class_names(segment)),
        "confusion_matrix": scores.matrix.tolist(),
    }
    with replacing(file) as part:
        part.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return Result(artifacts={"results": file}, metrics=metrics)


@torch.inference_mode()
def _scores(predictor: Predictor, segment: DatasetSegment, spec: Spec) -> Scores:
    data = SegmentationDataset(segment, split=spec.evaluate.split)
    loader: DataLoader[dict[str, Tensor]] = DataLoader(
        data,
        batch_size=spec.evaluate.batch_size,
        sampler=EpochSampler(len(data), shuffle=False, seed=0),
        num_workers=segment.workers,
    )
    tally = Tally(
        segment.num_classes,
        align_corners=predictor.record.model["decode_head"]["align_corners"],
    )
    for batch in loader:
        logits = predictor.logits(batch["image"])
        tally.add(logits, batch["mask"].to(logits.device))
    return tally.scores(what=f"the {spec.evaluate.split} split")


def _class_table(scores: Scores, names: list[str]) -> list[dict[str, Any]]:
    columns = {
        "iou": scores.iou,
        "precision": scores.precision,
        "recall": scores.recall,
        "f1": scores.f1,
    }
    return [
        {"id": index, "name": name, "pixels": int(scores.matrix[index].sum())}
        | {key: _null_if_nan(float(values[index])) for key, values in columns.items()}
        for index, name in enumerate(names)
    ]


def _null_if_nan(value: float) -> float | None:
    return None if math.isnan(value) else value
