import numpy as np
import pytest
from pictures import segment

from segformer.data.images import MaskFile
from segformer.data.labels import class_names, holds_colours, labels_of
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
    mask = MaskFile(np.array(values, np.int32))
    return labels_of(mask, segment(**settings), where="m.png").ids.tolist()


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
        ([[[1, 2, 3]]], {}, r"value \[1, 2, 3\] is not in .*; colours of dataset.json are read if"),
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


BOTH = [
    {"label_id": 0, "seg_class": "red", "rgb": [4]},
    {"label_id": 1, "seg_class": "blue", "rgb": [5]},
    {"label_id": 0, "seg_class": "red", "rgb": RED},
    {"label_id": 1, "seg_class": "blue", "rgb": BLUE},
]


def read(values, table, **settings):
    mask = MaskFile(np.array(values, np.int32), table=np.array(table, np.int32))
    found = labels_of(mask, segment(**settings), where="m.png")
    return found.ids.tolist(), found.reading


def test_one_number_is_a_value_and_three_are_a_colour_where_there_are_both():
    assert ids([[4, 5]], palette=BOTH) == [[0, 1]]
    assert ids([[RED, BLUE]], palette=BOTH) == [[0, 1]]
    assert ids([[[4] * 3, [5] * 3]], palette=BOTH) == [[0, 1]]
    grey = [*BOTH, {"label_id": 1, "seg_class": "blue", "rgb": [7, 7, 7]}]
    with pytest.raises(DataError, match="value 7 is not in"):
        ids([[7]], palette=grey)


def test_a_colour_table_that_permutes_the_classes_is_read_by_its_colours():
    assert read([[0, 1]], [BLUE, RED], palette=COLOURS) == ([[1, 0]], "colours")
    assert read([[4, 5]], [VOID] * 4 + [BLUE, RED], palette=BOTH) == ([[1, 0]], "colours")


def test_indices_count_where_no_colour_speaks_against_them():
    assert read([[4, 5]], [VOID] * 4 + [RED, BLUE], palette=BOTH) == ([[0, 1]], "grey values")
    assert read([[4, 5]], [VOID] * 4 + [RED, VOID], palette=BOTH) == ([[0, 1]], "grey values")


def test_the_table_of_pascal_voc_and_a_table_of_greys_name_values():
    voc = [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128]]
    assert read([[0, 3, 4]], voc, num_classes=5)[0] == [[0, 3, 4]]
    assert read([[0, 1]], [[1, 1, 1], [0, 0, 0]])[0] == [[1, 0]]
    assert read([[0, 1]], [[255] * 3, [0] * 3], label_transform="norm")[0] == [[1, 0]]


NUMBERED = [{"label_id": i, "seg_class": f"c{i}", "rgb": [i]} for i in range(3)]


@pytest.mark.parametrize(
    "table", [[RED, BLUE, VOID], [RED, RED, RED], [[9] * 3, [127] * 3, [254] * 3]]
)
def test_indices_that_are_all_numbers_of_classes_are_classes(table):
    options = {"palette": NUMBERED, "num_classes": 3}
    assert read([[0, 1, 2]], table, **options) == ([[0, 1, 2]], "grey values")
    with pytest.raises(DataError, match="has a colour table of its own .*3: "):
        read([[0, 1, 3]], [*table, [9, 8, 7]], **options)


def test_greys_of_a_table_go_before_its_indices_where_both_are_classes():
    assert read([[0, 1]], [[0] * 3, [2] * 3], palette=NUMBERED, num_classes=3)[0] == [[0, 2]]


@pytest.mark.parametrize(
    ("nodata", "settings", "expected"),
    [
        (9, {"palette": NUMBERED}, [[0, 255]]),
        (-9999, {"palette": NUMBERED}, [[0, 255]]),
        (65535, {"num_classes": 3}, [[0, 255]]),
        (3, {"num_classes": 3}, [[0, 255]]),
        (1, {"palette": NUMBERED}, [[0, 1]]),
        (127, {"label_transform": "norm"}, [[0, 255]]),
        (255, {"label_transform": "norm"}, [[0, 1]]),
    ],
)
def test_what_a_file_marks_as_no_data_does_not_count_unless_it_is_a_class(
    nodata, settings, expected
):
    mask = MaskFile(np.array([[0, nodata]], np.int32), nodata=nodata)
    chosen = segment(**{"num_classes": 3, **settings})
    assert labels_of(mask, chosen, where="m").ids.tolist() == expected


@pytest.mark.parametrize(
    ("table", "palette", "words"),
    [
        ([RED, BLUE], [], r"has a colour table of its own .0: \[255, 0, 0\], 1: .*need not be"),
        ([BLUE, VOID], BOTH, "has a colour table of its own"),
        ([RED], COLOURS, "index 1 has no colour"),
    ],
)
def test_a_colour_table_of_which_nobody_knows_the_classes_is_refused(table, palette, words):
    with pytest.raises(DataError, match=words):
        read([[0, 1]], table, palette=palette)


def test_samples_of_few_bits_are_values_or_with_norm_shades():
    mask = MaskFile(np.array([[0, 3]], np.int32), bits=2)
    assert labels_of(mask, segment(num_classes=4), where="m").ids.tolist() == [[0, 3]]
    assert labels_of(mask, segment(label_transform="norm"), where="m").ids.tolist() == [[0, 1]]
