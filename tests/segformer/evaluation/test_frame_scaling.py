import numpy as np
import pytest
from torch import nn

from segformer.evaluation.frame_scaling import FILTERS, changed_pixels, scaled_by


@pytest.mark.parametrize(("name", "expected"), [("bilinear", [5, 45]), ("nearest", [10, 60])])
def test_filters_count_from_the_middles_of_pixels_and_average_no_more_than_two(name, expected):
    picture = np.array([0, 10, 30, 60], np.uint8).reshape(1, 4, 1)
    assert scaled_by(name, picture, (1, 2)).ravel().tolist() == expected


@pytest.mark.parametrize("resize", ["squash", "pad"])
def test_the_share_of_pixels_is_that_whose_class_a_filter_changes(tiny_spec, resize):
    segment = tiny_spec(**{"dataset.segment.resize": resize}).dataset.segment
    shares = changed_pixels(nn.Identity(), segment, align_corners=False)  # The brightest channel.
    assert shares.keys() == FILTERS.keys()
    assert 0 < shares["bilinear"] < shares["nearest"] < 0.5
