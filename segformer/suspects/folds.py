"""Models that have not seen some of the images: K short trainings, each without one part."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from segformer.data.labels import IGNORED, class_names
from segformer.data.load import load_pair
from segformer.data.pairs import Pair
from segformer.result import Report, Result
from segformer.spec.overrides import flattened, nested
from segformer.spec.sections.dataset import DatasetSegment
from segformer.spec.spec import Spec, parse
from segformer.storage.atomic import replacing
from segformer.storage.staging import FILE_NAME

_SEED = 0

Train = Callable[[Spec, Path, Report], Result]


def parts(count: int, folds: int) -> list[list[int]]:
    """Divide the numbers below `count` at random into `folds` parts, always in the same way."""
    order = np.random.default_rng(_SEED).permutation(count)
    return [sorted(part.tolist()) for part in np.array_split(order, folds)]


def trained_without(
    train: Train,
    spec: Spec,
    pairs: Sequence[Pair],
    held_out: Sequence[int],
    folder: Path,
    *,
    epochs: int,
    report: Callable[[int], None],
) -> Path:
    """Train on all pairs but those held out; return the last checkpoint.

    The training resumes if the folder holds a part of it. `report` is called with each epoch.
    """
    data = folder / "data"
    _write_data(spec.dataset.segment, pairs, held_out, data)
    settings = _settings(spec, data, epochs)

    def reported(epoch: int, _metrics: Mapping[str, float]) -> str:
        report(epoch)
        return "continue"

    return train(settings, folder / "training", reported).artifacts["last"]


def _settings(spec: Spec, data: Path, epochs: int) -> Spec:
    flat = dict(flattened(spec.model_dump()))
    palette = [
        {"label_id": i, "seg_class": name, "mapping_class": name, "rgb": [i]}
        for i, name in enumerate(class_names(spec.dataset.segment))
    ]
    return parse(
        nested(
            {
                **flat,
                "dataset.segment.root_dir": str(data),
                "dataset.segment.train_split": "train",
                "dataset.segment.validation_split": "val",
                "dataset.segment.test_split": "val",
                "dataset.segment.label_transform": "None",
                "dataset.segment.ignore_index": IGNORED,
                "dataset.segment.palette": palette,
                "train.num_epochs": epochs,
                "train.validation_interval": epochs,
                "train.checkpoint_interval": 1,
            }
        )
    )


def _write_data(
    segment: DatasetSegment, pairs: Sequence[Pair], held_out: Sequence[int], data: Path
) -> None:
    """Write the data set of a fold: links to the images, and masks of class ids."""
    if (data / FILE_NAME).exists():
        return
    out = set(held_out)
    for number, pair in enumerate(pairs):
        split = "val" if number in out else "train"
        for kind in ("images", "masks"):
            (data / kind / split).mkdir(parents=True, exist_ok=True)
        image = data / "images" / split / f"{number:06}{pair.image.suffix}"
        image.unlink(missing_ok=True)
        image.symlink_to(pair.image.resolve())
        ids = load_pair(pair, segment).ids
        Image.fromarray(ids).save(data / "masks" / split / f"{number:06}.png")
    content: dict[str, Any] = {
        "classes": [{"value": i, "name": n} for i, n in enumerate(class_names(segment))],
        "ignore": IGNORED,
    }
    with replacing(data / FILE_NAME) as part:  # The last: without it the folder is not whole.
        part.write_text(json.dumps(content), "utf-8")
