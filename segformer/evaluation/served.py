"""A loaded model for a service: files of pictures in, masks out, several at once."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from segformer.data.labels import class_names
from segformer.data.load import load_image
from segformer.data.overlay import class_colours, overlay
from segformer.errors import DataError
from segformer.evaluation.pictures import Pixels, mask_png
from segformer.evaluation.predictor import TorchPredictor, load_described
from segformer.evaluation.segmenter import segmenter_of
from segformer.spec.sections.dataset import DatasetSegment
from segformer.storage.scratch import scratch


@dataclass(frozen=True)
class Segmentation:
    """The class ids HxW of a picture HxWxC."""

    picture: Pixels
    ids: Pixels
    names: Sequence[str]
    colours: Pixels

    def mask(self) -> bytes:
        """Return the class ids as a PNG file with a palette."""
        file = io.BytesIO()
        with mask_png(file, self.ids.shape, self.colours) as png:
            png.add(self.ids)
        return file.getvalue()

    def overlay(self) -> bytes:
        """Return the picture under the colours of its classes as a PNG file."""
        file = io.BytesIO()
        Image.fromarray(overlay(self.picture, self.ids, self.colours)).save(file, "PNG")
        return file.getvalue()

    def to_dict(self) -> dict[str, Any]:
        """Return the size, and the pixels and the share of each class."""
        counts = np.bincount(self.ids.ravel(), minlength=len(self.names)).tolist()
        height, width = self.ids.shape
        return {
            "width": width,
            "height": height,
            "classes": [
                {
                    "id": index,
                    "name": name,
                    "colour": "#{:02x}{:02x}{:02x}".format(*self.colours[index].tolist()),
                    "pixels": counts[index],
                    "share": counts[index] / self.ids.size,
                }
                for index, name in enumerate(self.names)
            ],
        }


class SegmentationModel:
    """A model of any format, with the prediction settings that it was trained with."""

    def __init__(self, path: Path) -> None:
        """Load a model; raises `CheckpointError`."""
        predictor = load_described(path)
        if not isinstance(predictor, TorchPredictor):
            # The network runs elsewhere by now. What is left for torch is small, and more threads
            # for it would wait for each other and take the network's cores.
            torch.set_num_threads(1)
        self._segment = DatasetSegment.model_validate(predictor.record.segment)
        self._segmenter = segmenter_of(predictor, self._segment, batch_size=8)
        self._names, self._colours = class_names(self._segment), class_colours(self._segment)

    def facts(self) -> Mapping[str, Any]:
        """Return the names of the classes."""
        return {"classes": self._names}

    @torch.inference_mode()
    def predict(self, pictures: Sequence[bytes]) -> list[Segmentation | Exception]:
        """Return what each picture file shows, or the `DataError` of one that cannot be read."""
        read = [self._read(content) for content in pictures]
        readable = [picture for picture in read if not isinstance(picture, Exception)]
        masks = iter(self._segmenter.class_ids_of(readable) if readable else ())
        return [
            picture
            if isinstance(picture, Exception)
            else Segmentation(picture, next(masks), self._names, self._colours)
            for picture in read
        ]

    def _read(self, content: bytes) -> Pixels | DataError:
        with scratch() as folder:
            file = folder / "picture"
            file.write_bytes(content)
            try:
                return load_image(file, self._segment).pixels
            except DataError as error:
                return DataError(fault.replace(str(file), "the picture") for fault in error.faults)
