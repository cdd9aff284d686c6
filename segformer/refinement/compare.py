"""The pixel counts of a checkpoint on a split, by which refinements are compared."""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segformer.data.dataset import SegmentationDataset, collated
from segformer.data.load import load_pair
from segformer.data.pairs import Pair
from segformer.evaluation.image_counts import counts_of_image
from segformer.evaluation.metrics import Tally
from segformer.evaluation.predictor import TorchPredictor
from segformer.evaluation.scoring import scored
from segformer.evaluation.segmenter import segmenter_of
from segformer.model.saved import SavedModel
from segformer.spec.sections.dataset import DatasetSegment


@torch.inference_mode()
def counts_of(
    model: SavedModel,
    segment: DatasetSegment,
    split: Literal["validation", "test"],
    *,
    is_own_size: bool = False,
) -> NDArray[np.int64]:
    """Return Nx3xC pixel counts of a split's images, as `evaluate` predicts and counts them.

    `evaluate` counts what a model segments whole at the size of its input. With `is_own_size` all
    pixels of the images count.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    predictor = TorchPredictor(model, device)
    own = model.record.applied_to(segment)
    segmenter = segmenter_of(predictor, own, batch_size=8)
    tally = Tally(own.num_classes, align_corners=segmenter.align_corners)
    data = SegmentationDataset(own, split=split)
    rows = []
    for index, pair in enumerate(data.pairs):
        item = _picture(pair, own) if is_own_size else data[index]
        (prediction,) = scored(segmenter, tally, collated([item]))
        rows.append(counts_of_image(prediction, item["mask"], num_classes=own.num_classes))
    return np.stack(rows)


def _picture(pair: Pair, segment: DatasetSegment) -> dict[str, Tensor]:
    loaded = load_pair(pair, segment)
    return {
        "picture": torch.tensor(loaded.image),
        "mask": torch.from_numpy(loaded.ids.astype(np.int64)),
    }
