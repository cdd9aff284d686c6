import numpy as np
import pytest
from pictures import segment

from segformer.data.labels import class_names, holds_colours, label_ids
from segformer.errors import DataError

RED, BLUE, VOID = [255, 0, 0], [0, 0, 255], [0, 0, 0]
COLOURS = [
    {"label_id": 0, "seg_class": "red", "rgb": RED},
    {"label_id": 1, "seg_class": "blue", "rgb": BLUE},
    {"label_id": 255, "seg_class": "void", "rgb": VOID},
]
GREYS = [
    {"label_id": 0, "seg_class": "low", "rgb": [10]},
    {"label_id": 1, "seg_class": "high", "rgb": [255, 255, 255]},
]


def ids(values, **settings):
    return label_ids(np.array(values, np.int32), segment(**settings), where="m.png").tolist()


def test_norm_divides_0_and_255():
    assert ids([[0, 255]], label_transform="norm") == [[0, 1]]
    assert ids([[[255] * 3, [0] * 3]], label_transform="norm") == [[1, 0]]


def test_values_stand_for_themselves_where_the_palette_only_names():
    assert ids([[0, 1, 4, 255]], num_classes=5) == [[0, 1, 4, 255]]
    assert ids([[[3] * 3, [1] * 3]], num_classes=5) == [[3, 1]]


def test_a_palette_of_greys_maps_and_goes_before_ignore_index():
    assert ids([[10, 255, 9]], palette=GREYS, ignore_index=9) == [[0, 1, 255]]


def test_a_palette_of_colours_maps_and_may_ignore():
    assert ids([[RED, BLUE, VOID]], palette=COLOURS) == [[0, 1, 255]]
    assert holds_colours(segment(palette=COLOURS))
    assert not holds_colours(segment(palette=GREYS))


@pytest.mark.parametrize("value", [11, 65535])
def test_an_ignored_value_never_counts(value):
    assert ids([[0, value]], ignore_index=value) == [[0, 255]]


@pytest.mark.parametrize(
    ("values", "settings", "words"),
    [
        ([[0, 5]], {"num_classes": 3}, "m.png: value 5 is beyond .*num_classes=3; 6 would fit"),
        ([[255]], {"ignore_index": 9}, "value 255 is beyond .*; class ids end at 254"),
        ([[7007]], {}, "value 7007 is beyond"),
        ([[1]], {"label_transform": "norm"}, "value 1 is neither 0 nor 255.*label_transform=None"),
        ([[3]], {"palette": GREYS}, "value 3 is not in dataset.segment.palette"),
        ([[[1, 2, 3]]], {"palette": COLOURS}, r"value \[1, 2, 3\] is not in"),
        ([[[1, 2, 3]]], {}, r"value \[1, 2, 3\] is not in"),
        ([list(range(9))], {}, "values 2, 3, 4, 5, 6 and 2 more are beyond"),
        ([[-1]], {}, "value -1 is not in"),
    ],
)
def test_a_value_that_is_no_class_is_a_fault(values, settings, words):
    with pytest.raises(DataError, match=words):
        ids(values, **settings)


def test_a_class_of_the_palette_beyond_num_classes_is_a_fault_of_the_mask():
    palette = [{"label_id": 4, "seg_class": "x", "rgb": RED}]
    with pytest.raises(DataError, match=r"\[255, 0, 0\] is beyond .*num_classes=2; 5 would fit"):
        ids([[RED]], palette=palette)


def test_class_names_come_from_the_palette_and_are_unique():
    palette = [
        {"label_id": 0, "seg_class": "car", "rgb": [0]},
        {"label_id": 1, "seg_class": "oak", "mapping_class": "tree", "rgb": [1]},
        {"label_id": 1, "seg_class": "fir", "mapping_class": "tree", "rgb": [2]},
        {"label_id": 2, "seg_class": "car", "rgb": [3]},
    ]
    names = class_names(segment(palette=palette, num_classes=4))
    assert names == ["car_0", "tree", "car_2", "class_3"]
