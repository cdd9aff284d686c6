"""Calibration images, preprocessed as in training."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from segformer.data.dataset import model_input, split_folder
from segformer.data.images import read_image
from segformer.data.pairs import SUFFIXES
from segformer.data.source import images_of
from segformer.errors import DataError
from segformer.model.saved import ModelRecord
from segformer.spec.sections.dataset import DatasetSegment
from segformer.spec.spec import Spec

_TAO_FOLDER = Path("images") / "test"


def calibration_images(spec: Spec, folders: Sequence[str] = ()) -> list[Path]:
    """Return the images of `folders`, else of quant_calibration_dataset, else the training images.

    A folder holds images, or images/test/ as in TAO's layout. Raises `DataError` if there are none.
    """
    segment = spec.dataset.segment
    sources = list(folders) or [segment.quant_calibration_dataset.images_dir]
    if not any(sources):
        if not segment.root_dir:
            raise DataError(
                "no images to calibrate on; give "
                "dataset.segment.quant_calibration_dataset.images_dir=FOLDER or "
                "dataset.segment.root_dir=FOLDER"
            )
        return images_of(segment, split_folder(segment, "train"))
    return [image for folder in sources for image in _images_in(Path(folder))]


def batches(paths: Sequence[Path], record: ModelRecord, *, size: int = 1) -> Iterator[Tensor]:
    """Yield batches of images Bx3xSxS, preprocessed as the model was trained."""
    segment = DatasetSegment.model_validate(record.segment)
    for first in range(0, len(paths), size):
        chosen = paths[first : first + size]
        yield torch.stack(
            [model_input(read_image(path, bits=segment.image_bits), segment) for path in chosen]
        )


def evenly(paths: Sequence[Path], count: int) -> list[Path]:
    """Return `count` of the paths, evenly spread."""
    if len(paths) <= count:
        return list(paths)
    return [paths[index * len(paths) // count] for index in range(count)]


def _images_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataError(f"{folder}: is not a folder of images to calibrate on")
    inner = folder / _TAO_FOLDER
    place = inner if inner.is_dir() else folder
    images = sorted(p for p in place.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
    if not images:
        raise DataError(
            f"{folder}: holds no {' '.join(SUFFIXES)} files to calibrate on, "
            f"nor does its {_TAO_FOLDER}/"
        )
    return images
