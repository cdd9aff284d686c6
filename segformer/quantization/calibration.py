"""Calibration images, preprocessed as in training."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from segformer.data.dataset import model_input, split_folder
from segformer.data.load import load_image
from segformer.data.pairs import SUFFIXES
from segformer.data.source import images_of
from segformer.errors import DataError
from segformer.model.saved import ModelRecord
from segformer.spec.sections.dataset import DatasetSegment
from segformer.spec.spec import Spec


def calibration_images(spec: Spec, folders: Sequence[str] = ()) -> list[Path]:
    """Return the images of `folders`, else of quant_calibration_dataset, else the training images.

    A folder holds images, or is a data set: of TAO's layout images/test/ is read, of another the
    training images. Raises `DataError` if there are none.
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
    return [image for folder in sources for image in _images_in(Path(folder), segment)]


def batches(paths: Sequence[Path], record: ModelRecord, *, size: int = 1) -> Iterator[Tensor]:
    """Yield batches of images BxCxSxS, preprocessed as the model was trained."""
    segment = DatasetSegment.model_validate(record.segment)
    for first in range(0, len(paths), size):
        chosen = paths[first : first + size]
        yield torch.stack(
            [model_input(load_image(path, segment).pixels, segment) for path in chosen]
        )


def evenly(paths: Sequence[Path], count: int) -> list[Path]:
    """Return `count` of the paths, evenly spread."""
    if len(paths) <= count:
        return list(paths)
    return [paths[index * len(paths) // count] for index in range(count)]


def _images_in(folder: Path, segment: DatasetSegment) -> list[Path]:
    if not folder.is_dir():
        raise DataError(f"{folder}: is not a folder of images to calibrate on")
    splits = ("", "images/test", f"images/{split_folder(segment, 'train')}")
    for place in (folder / split for split in splits):
        files = sorted(place.iterdir()) if place.is_dir() else []
        if images := [p for p in files if p.suffix.lower() in SUFFIXES and p.is_file()]:
            return images
    raise DataError(
        f"{folder}: holds no {' '.join(SUFFIXES)} files to calibrate on, nor do its "
        f"{' and '.join(splits[1:])}"
    )
