import re

import numpy as np
import pytest

from segformer.data.layouts.drawing import (
    Region,
    coco_runs,
    drawn,
    ellipse,
    filled,
    label_studio_values,
    mask_from_runs,
    rectangle,
)

SIZE = (12, 8)


def test_a_pixel_belongs_to_the_polygon_that_its_centre_lies_in():
    left, right = (filled(rectangle(*box), SIZE) for box in ((0, 0, 4.4, 8), (4.4, 0, 12, 8)))
    assert not (left & right).any()
    assert (left | right).all()
    assert left.sum(axis=1).tolist() == [4] * 8


def test_a_polygon_beyond_the_image_is_clipped():
    assert filled(rectangle(-5, -5, 50, 50), SIZE).all()
    assert not filled(rectangle(20, 0, 30, 8), SIZE).any()


def test_a_circle_covers_its_area():
    inside = filled(ellipse(50, 50, 30, 30), (100, 100))
    assert abs(inside.sum() / (np.pi * 30**2) - 1) < 0.01


def test_the_later_region_lies_above():
    regions = [Region(1, [rectangle(0, 0, 8, 8)]), Region(2, [rectangle(4, 0, 12, 8)])]
    assert drawn(SIZE, regions)[0].tolist() == [1] * 4 + [2] * 8


def test_runs_alternate_down_the_columns_or_along_the_rows():
    down = mask_from_runs([2, 3, 1], 2, 3, by_column=True)
    along = mask_from_runs([2, 3, 1], 2, 3, by_column=False)
    assert down.astype(int).tolist() == [[0, 1, 1], [0, 1, 0]]
    assert along.astype(int).tolist() == [[0, 0, 1], [1, 1, 0]]
    with pytest.raises(ValueError, match="runs of 6 pixels for a mask of 3x3"):
        mask_from_runs([2, 3, 1], 3, 3, by_column=True)


@pytest.mark.parametrize(
    ("text", "runs"),
    [("52203", [5, 2, 2, 2, 5]), ("P2P4", [64, 128]), ("3T32TNZ9", [3, 100, 2, 40, 300])],
)
def test_compressed_runs_are_those_that_pycocotools_reads(text, runs):
    assert coco_runs(text) == runs


def test_a_brush_of_label_studio_is_a_run_and_single_values():
    # 8 values: a run of 5 times 0, then the three values 255, 7, 255.
    bits = f"{8:032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in (3, 4, 8, 16))
    bits += f"1{0:02b}{4:03b}{0:08b}" + f"0{0:02b}{2:03b}{255:08b}{7:08b}{255:08b}"
    data = [int(bits[i : i + 8].ljust(8, "0"), 2) for i in range(0, len(bits), 8)]
    assert label_studio_values(data, 8).tolist() == [0] * 5 + [255, 7, 255]
    with pytest.raises(ValueError, match="runs of 8 values for 9"):
        label_studio_values(data, 9)
    with pytest.raises(ValueError, match="end too early"):
        label_studio_values(data[:9], 8)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e308])
def test_a_coordinate_that_is_no_place_is_refused(value):
    with pytest.raises(
        ValueError, match=f"has the coordinate {re.escape(str(value))}, which is no"
    ):
        filled([(0, 0), (4, value), (4, 8)], SIZE)
