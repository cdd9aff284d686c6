"""What changes if pictures are scaled to the model's size by another filter than the training's.

DeepStream's Gst-nvinfer scales frames itself, by a filter of NvBufSurfTransform. Its documented
filters are computed here on the CPU, so that their effect is known before a GPU is at hand. None
of them averages the pixels that a smaller picture leaves out, as the training does.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from segformer.data.dataset import normalised, split_folder, window_input
from segformer.data.load import load_image
from segformer.data.source import source_of
from segformer.data.windows import Pixels, Size, cut, padded_size
from segformer.evaluation.segmenter import class_ids
from segformer.spec.sections.dataset import DatasetSegment

FILTERS = {"bilinear": "bilinear", "nearest": "nearest-exact"}
"""Nvinfer's filters by name, and torch's modes for them: both count from the pixels' middles."""
_MOST_IMAGES = 64


@torch.inference_mode()
def changed_pixels(
    model: Callable[[Tensor], Tensor], segment: DatasetSegment, *, align_corners: bool
) -> dict[str, float]:
    """Return the share of validation pixels whose class another filter changes, by its name.

    Takes up to 64 images, evenly spread, each as a whole. Raises `DataError`.
    """
    pairs = list(source_of(segment).pairs(split_folder(segment, "validation")))
    places = np.linspace(0, len(pairs) - 1, min(len(pairs), _MOST_IMAGES)).astype(int)
    changed, pixels = dict.fromkeys(FILTERS, 0), 0
    for place in places:
        picture = load_image(pairs[int(place)].image, segment).pixels
        size = picture.shape[0], picture.shape[1]
        around = padded_size(size, segment.size) if segment.resize == "pad" else size

        def classes(scaled: Tensor, size: Size = size, around: Size = around) -> Pixels:
            ids = class_ids(model(scaled[None])[0], around, align_corners=align_corners)
            return ids[: size[0], : size[1]]

        usual = classes(window_input(picture, (0, 0), around, segment))
        pixels += usual.size
        for name in FILTERS:
            frame = scaled_by(name, cut(picture, (0, 0), around), segment.size)
            changed[name] += int((classes(normalised(frame, segment)) != usual).sum())
    return {name: count / pixels for name, count in changed.items()}


def scaled_by(name: str, picture: Pixels, size: Size) -> Pixels:
    """Return a picture HxWxC scaled by one of `FILTERS`, rounded to 8 bits."""
    planes = torch.tensor(picture).movedim(-1, 0)[None].float()
    scaled = F.interpolate(planes, size=size, mode=FILTERS[name])
    return scaled[0].movedim(0, -1).round().to(torch.uint8).numpy()
