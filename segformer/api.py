"""A trained model for use from Python: images in, class ids out."""

import reprlib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from segformer.data.channels import check_channels
from segformer.data.labels import class_names
from segformer.data.large import LargePicture, read_picture
from segformer.data.load import load_image
from segformer.data.overlay import class_colours, overlay
from segformer.errors import DataError
from segformer.evaluation.predictor import load_described
from segformer.evaluation.segmenter import segmenter_of
from segformer.spec import parse
from segformer.spec.sections.dataset import DatasetSegment
from segformer.storage.encryption import encryption_key_from

_WINDOWS = 8
"""Windows of a picture in a batch."""


def load_model(
    path: str | Path, *, encryption_key: str = "", prediction: Mapping[str, Any] | None = None
) -> "LoadedModel":
    """Load a promoted model (ONNX), a checkpoint or an engine.

    Raises `CheckpointError`, and `SpecError` for a prediction that the model cannot make.

    Args:
        path: The file.
        encryption_key: The key of an encrypted model, or env:NAME, the variable that holds it.
        prediction: Settings of dataset.segment.prediction, such as {"mode": "slide"}, in place of
            those that the model was trained with.
    """
    with encryption_key_from(encryption_key):
        return LoadedModel(Path(path), prediction or {})


class LoadedModel:
    """A model with the record of how it was trained, so that nothing else is needed to use it."""

    def __init__(self, path: Path, prediction: Mapping[str, Any]) -> None:
        asked = parse({"dataset": {"segment": {"prediction": dict(prediction)}}})
        self._predictor = load_described(path)
        shaped = self._predictor.record.shaped(asked.dataset.segment)
        own = DatasetSegment.model_validate(self._predictor.record.segment)
        self._segment = own.model_copy(update={"prediction": shaped.prediction})
        self._segmenter = segmenter_of(self._predictor, self._segment, batch_size=_WINDOWS)
        self.class_names: list[str] = class_names(self._segment)

    def __call__(self, image: str | Path | NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return what `segment` does."""
        return self.segment(image)

    @torch.inference_mode()
    def segment(self, image: str | Path | NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return class ids HxW of an image file or of RGB pixels HxWx3, at its own size.

        Of a model of other bands, pixels are HxWxC of these. Raises `DataError`.
        """
        if isinstance(image, np.ndarray):
            return self._segmenter.class_ids(self._pixels(image))
        picture = read_picture(_file(image), self._segment)
        if isinstance(picture, LargePicture):
            return np.concatenate([ids for _, ids in self._segmenter.strips(picture.bands())])
        return self._segmenter.class_ids(picture)

    def overlay(self, image: str | Path | NDArray[np.uint8]) -> Image.Image:
        """Return the image with the colours of its classes over it."""
        pixels = self._pixels(image)
        return Image.fromarray(overlay(pixels, self.segment(pixels), class_colours(self._segment)))

    def _pixels(self, image: str | Path | NDArray[np.uint8]) -> NDArray[np.uint8]:
        if isinstance(image, np.ndarray):
            check_channels(image, self._segment.channels)
            return image
        return load_image(_file(image), self._segment).pixels


def _file(image: Any) -> Path:
    if isinstance(image, str | PathLike) and str(image):
        return Path(image)
    raise DataError(
        f"an image is a file, or pixels HxWx3 as an array of uint8, and not {reprlib.repr(image)}"
        + ("; give numpy.asarray(image.convert('RGB'))" if isinstance(image, Image.Image) else "")
    )
