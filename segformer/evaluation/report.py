"""The evaluation for people: report.json, which lists pictures, tables and matrices.

Its keys are those that a controller renders: title, note, images (file, caption), tables (title,
columns, rows), matrices (title, labels, values, rows, columns).
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segformer.data.labels import class_names
from segformer.data.overlay import class_colours
from segformer.evaluation.image_scores import ImageScore
from segformer.evaluation.metrics import Scores, null_if_nan
from segformer.evaluation.samples import NOTE, Sample
from segformer.spec.sections.dataset import DatasetSegment
from segformer.storage.atomic import replacing

WORST = 12
"""Images that the table of the worst shows."""


def write_report(
    folder: Path,
    *,
    split: str,
    segment: DatasetSegment,
    scores: Scores,
    samples: Sequence[Sample],
    images: Sequence[ImageScore],
    calibration: Sequence[Mapping[str, Any]],
) -> Path:
    """Write report.json: samples, scores of classes and images, calibration, confusion matrix."""
    names, colours = class_names(segment), class_colours(segment)
    kinds = scores.per_class()
    pixels = scores.matrix.sum(axis=1)
    rows = [
        [
            name,
            {"colour": "#{:02x}{:02x}{:02x}".format(*colours[index].tolist())},
            *(null_if_nan(float(values[index])) for values in kinds.values()),
            f"{100 * float(pixels[index] / pixels.sum()):.3g}%",
        ]
        for index, name in enumerate(names)
    ]
    content = {
        "title": f"The {split} split",
        "note": NOTE,
        "images": [{"file": sample.file, "caption": sample.caption} for sample in samples],
        "tables": [
            {
                "title": "Classes",
                "columns": ["class", "colour", *kinds, "share of the pixels"],
                "rows": rows,
            },
            {
                "title": "Worst images",
                "columns": ["image", "mean iou", "accuracy"],
                "rows": [[image.name, image.miou, image.acc] for image in images[:WORST]],
            },
            {
                "title": "Calibration",
                "columns": ["probabilities", "temperature", "expected calibration error"],
                "rows": [
                    [name, each["temperature"], each["ece"]]
                    for name, each in zip(("as they are", "calibrated"), calibration, strict=False)
                ],
            },
        ],
        "matrices": [
            {
                "title": "Confusion matrix",
                "labels": names,
                "values": scores.matrix.tolist(),
                "rows": "truth",
                "columns": "prediction",
            }
        ],
    }
    path = folder / "report.json"
    with replacing(path) as part:
        part.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path
