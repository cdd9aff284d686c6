"""A trained model for use from Python: images in, class ids out."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from segformer.data.dataset import model_input
from segformer.data.images import read_image
from segformer.data.labels import class_names
from segformer.data.overlay import class_colours, overlay
from segformer.errors import CheckpointError
from segformer.evaluation.inference import class_ids
from segformer.evaluation.predictor import load_predictor
from segformer.model.saved import ModelRecord
from segformer.spec import Spec
from segformer.spec.sections.dataset import DatasetSegment
from segformer.storage.encryption import encryption_key_from


def load_model(path: str | Path, *, encryption_key: str = "") -> "LoadedModel":
    """Load a promoted model (ONNX), a checkpoint or an engine; raises `CheckpointError`.

    An encrypted one needs its key, or env:NAME, the environment variable that holds the key.
    """
    with encryption_key_from(encryption_key):
        return LoadedModel(Path(path))


class LoadedModel:
    """A model with the record of how it was trained, so that nothing else is needed to use it."""

    def __init__(self, path: Path) -> None:
        unknown = ModelRecord.of(Spec())
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._predictor = load_predictor(path, otherwise=unknown, device=device)
        if self._predictor.record is unknown:
            raise CheckpointError(
                f"{path}: does not say what it is; it was not written by segformer export or train"
            )
        self._segment = DatasetSegment.model_validate(self._predictor.record.segment)
        self.class_names: list[str] = class_names(self._segment)

    @torch.inference_mode()
    def segment(self, image: str | Path | NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return class ids HxW of an image file or of RGB pixels HxWx3, at its own size."""
        pixels = (
            image
            if isinstance(image, np.ndarray)
            else read_image(Path(image), bits=self._segment.image_bits)
        )
        logits = self._predictor.logits(model_input(pixels, self._segment)[None])[0]
        height, width = pixels.shape[:2]
        head = self._predictor.record.model["decode_head"]
        return class_ids(logits, (height, width), align_corners=head["align_corners"])

    def overlay(self, image: str | Path | NDArray[np.uint8]) -> Image.Image:
        """Return the image with the colours of its classes over it."""
        pixels = (
            image
            if isinstance(image, np.ndarray)
            else read_image(Path(image), bits=self._segment.image_bits)
        )
        return Image.fromarray(overlay(pixels, self.segment(pixels), class_colours(self._segment)))
