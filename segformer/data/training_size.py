"""The size of the training pictures, which a model takes as the size of its windows."""

from statistics import median

from segformer.data.dataset import split_folder
from segformer.data.images import image_size
from segformer.data.source import source_of
from segformer.data.windows import window_size
from segformer.spec.sections.dataset import DatasetSegment
from segformer.spec.sections.prediction import OVERLAP, Prediction

_READ = 200
"""Pictures whose size is read, evenly spread."""


def with_own_prediction(segment: DatasetSegment) -> DatasetSegment:
    """Return the settings of a new training with all of its prediction set, for its record.

    A window is as large as the median training picture, or, of a training on crops, as the input.
    Raises `DataError`.
    """
    own = segment.prediction
    usual: dict[str, object] = {
        "mode": "slide" if segment.resize == "crop" else "auto",
        "blending": "tapered",
        "flip": "none",
        "scales": [1.0],
        "overlap": OVERLAP,
    }
    if own.mode != "whole":
        height, width = window_size(segment)
        if segment.resize != "crop" and None in (own.window_height, own.window_width):
            height, width = _usual_size(segment)
        usual["window_height"] = own.window_height or height
        usual["window_width"] = own.window_width or width
    return segment.model_copy(update={"prediction": own.over(Prediction(**usual))})


def _usual_size(segment: DatasetSegment) -> tuple[int, int]:
    pairs = source_of(segment).pairs(split_folder(segment, "train"))
    step = -(-len(pairs) // _READ)
    heights, widths = zip(*(image_size(pair.image) for pair in pairs[::step]), strict=True)
    return round(median(heights)), round(median(widths))
