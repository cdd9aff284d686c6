"""The evaluation for people: report.json, which lists pictures, tables and matrices.

Its keys are those that a controller renders: title, note, images (file, caption), tables (title,
columns, rows), matrices (title, labels, values, rows, columns).
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from segformer.data.labels import class_names
from segformer.data.overlay import class_colours
from segformer.evaluation.image_scores import ImageScore
from segformer.evaluation.metrics import Scores, null_if_nan
from segformer.evaluation.pictures import Pixels, side_by_side, write_picture
from segformer.spec.sections.dataset import DatasetSegment
from segformer.storage.atomic import replacing

SAMPLES = 6
WORST = 12
"""Images that the table of the worst shows."""
FOLDER = "samples"
_SIDE = 256
"""The longer side of a sample in pixels, at most."""


def sampled(stems: Sequence[str]) -> set[str]:
    """Return up to `SAMPLES` of the images, evenly spread, with the first and the last."""
    last, gaps = len(stems) - 1, SAMPLES - 1
    return {stems[round(place * last / gaps)] for place in range(SAMPLES)} if stems else set()


def write_sample(folder: Path, stem: str, row: Sequence[Pixels]) -> None:
    """Write an image, its prediction and its truth HxWx3 side by side, scaled down."""
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    smooth, sharp = Image.Resampling.BOX, Image.Resampling.NEAREST
    image, *masks = (
        _small(part, how) for part, how in zip(row, (smooth, sharp, sharp), strict=True)
    )
    gap = np.full((len(image), max(1, image.shape[1] // 40), 3), 255, dtype=np.uint8)
    parts = [image, *(part for mask in masks for part in (gap, mask))]
    write_picture(folder / FOLDER / f"{stem}.png", side_by_side(parts))


def write_report(
    folder: Path,
    *,
    split: str,
    segment: DatasetSegment,
    scores: Scores,
    stems: Sequence[str],
    images: Sequence[ImageScore],
) -> Path:
    """Write report.json: samples, scores of the classes and worst images, confusion matrix."""
    names, colours = class_names(segment), class_colours(segment)
    kinds = scores.per_class()
    pixels = scores.matrix.sum(axis=1)
    rows = [
        [
            name,
            {"colour": "#{:02x}{:02x}{:02x}".format(*colours[index].tolist())},
            *(null_if_nan(float(values[index])) for values in kinds.values()),
            float(pixels[index] / pixels.sum()),
        ]
        for index, name in enumerate(names)
    ]
    content = {
        "title": f"The {split} split",
        "note": "Each picture: the image, the prediction, the truth. Ignored pixels are grey.",
        "images": [{"file": f"{FOLDER}/{stem}.png", "caption": stem} for stem in stems],
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


def _small(picture: Pixels, how: Image.Resampling) -> Pixels:
    height, width = picture.shape[:2]
    share = _SIDE / max(height, width)
    if share >= 1:
        return picture
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return np.asarray(Image.fromarray(picture).resize(size, how), dtype=np.uint8)
