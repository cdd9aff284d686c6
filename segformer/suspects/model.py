"""A trained model that gives the probability of each class for each pixel."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from segformer.evaluation.predictor import load_predictor
from segformer.evaluation.segmenter import segmenter_of
from segformer.model.saved import ModelRecord
from segformer.spec.sections.dataset import DatasetSegment
from segformer.spec.spec import Spec

_WINDOWS = 8


class ProbabilityModel:
    """Probabilities CxHxW of pictures HxWxC, at the size of each."""

    def __init__(self, path: Path, spec: Spec) -> None:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        predictor = load_predictor(path, otherwise=ModelRecord.of(spec), device=device)
        self.segment = DatasetSegment.model_validate(predictor.record.segment)
        self._segmenter = segmenter_of(predictor, self.segment, batch_size=_WINDOWS)

    @torch.inference_mode()
    def probabilities(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probabilities of a picture."""
        shape = self.segment.num_classes, *picture.shape[:2]
        result = np.empty(shape, np.float32)
        for top, left, scores in self._segmenter.pieces(picture):
            part = scores.float().softmax(0).cpu().numpy()
            result[:, top : top + part.shape[1], left : left + part.shape[2]] = part
        return result
