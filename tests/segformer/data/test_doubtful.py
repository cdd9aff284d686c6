from itertools import product

import pytest

from segformer.data.doubtful import (
    are_of_objects,
    are_stretched,
    rare_line,
    softened_line,
    softened_values_line,
)

BLACK, RED, GREEN = (0, 0, 0), (255, 0, 0), (0, 255, 0)


def test_classes_of_hardly_any_pixels_are_named_with_their_shares():
    line = rare_line({"class_0": 99_000, "class_1": 20, "class_254": 5, "class_255": 975})
    assert line.startswith("2 of the 4 classes have less than 0.001 of the pixels (class_1 0.0002,")
    assert "nearest neighbour" in line
    assert rare_line({"class_0": 99_000, "class_1": 1_000}) == ""


def test_colours_of_softened_edges_are_mixtures():
    mixed = {(value, 0, 0): 30 for value in (30, 90, 180)} | {(120, 135, 0): 20}
    line = softened_line({BLACK: 9000, RED: 900, GREEN: 900, **mixed})
    assert "hold 7 colours, of which 4, such as [30, 0, 0], are rare mixtures" in line
    assert "the others are [0, 0, 0], [0, 255, 0], [255, 0, 0]" in line


@pytest.mark.parametrize("count", [100, 5000])
def test_colours_of_many_classes_are_no_mixtures_although_they_lie_between_others(count):
    levels = [each for each in product((0, 64, 128, 192), (0, 128), (0, 128))]
    assert softened_line({BLACK: 100_000, **dict.fromkeys(levels[1:], count)}) == ""


def test_greys_of_softened_edges_are_told_from_numbers_of_classes():
    soft = {0: 90_000, 255: 20_000} | {value: 30 for value in range(3, 255, 9)}
    assert "of which all but black and white are rare" in softened_values_line(soft)
    numbers = {0: 90_000, 255: 20_000} | {value: 30 for value in range(1, 182)}
    few = {0: 90_000, 255: 20_000} | {value: 30 for value in range(16, 250, 60)}
    often = {0: 90_000, 255: 20_000} | {value: 9000 for value in range(3, 255, 9)}
    for pixels in (numbers, few, often, {0: 5, 255: 5}):
        assert softened_values_line(pixels) == ""


@pytest.mark.parametrize(
    ("held", "is_so"),
    [
        ([{0, 255}, {0, 127, 254}], True),
        ([{0, 128, 255}, {0, 85, 170, 255}, {0}], True),
        ([{0, 255}, {0, 128, 255}], False),
        ([{0, 255}], False),
        ([{0, 1, 2}, {0, 1}], False),
        ([{0, 255}, {0, 128}], False),
        ([], False),
    ],
)
def test_masks_that_were_stretched_one_by_one_are_told_from_shades_of_all(held, is_so):
    assert are_stretched([frozenset(values) for values in held]) is is_so


@pytest.mark.parametrize(
    ("held", "is_so"),
    [
        ([range(8), range(4), range(6)], True),
        ([range(1, 8), range(3), range(2)], True),
        ([[0, 3, 6], [0, 10, 20], [0, 17, 34]], True),
        ([[0, 3, 6], [0, 10, 20], [0, 17, 3]], False),
        ([range(8), [0, 2, 3], range(6)], False),
        ([range(5), range(4), range(3)], False),
        ([range(8), range(8)], False),
        ([[0]], False),
    ],
)
def test_numbers_of_objects_are_told_from_classes(held, is_so):
    assert are_of_objects({frozenset(each) for each in held}) is is_so
