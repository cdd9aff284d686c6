import numpy as np
import pytest
from pictures import segment

from segformer.data.windows import Windows, cut, is_plain, is_slid, windows_of


@pytest.mark.parametrize("length", [40, 41, 97, 160, 1000])
@pytest.mark.parametrize("overlap", [0.0, 0.125, 0.75])
def test_windows_cover_all_overlap_enough_and_end_inside(length, overlap):
    for side in (32, 40, 224):
        starts = Windows.over((length, 40), (40, 40), (side, side), overlap=overlap).tops
        assert (starts[0], starts[-1]) == (0, length - 40)
        steps = np.diff(starts)
        assert np.all(steps <= (1 - overlap) * 40 + 1)
        assert np.all(steps > 0)


@pytest.mark.parametrize(("side", "step"), [(64, 64), (128, 96), (256, 112), (512, 112), (32, 112)])
def test_windows_step_by_the_strides_of_an_encoder_if_the_overlap_leaves_room(side, step):
    tops = Windows.over((1000, 128), (128, 128), (side, side)).tops
    assert tops == (*range(0, 872, step), 872)


@pytest.mark.parametrize("is_tapered", [True, False])
def test_weights_add_up_to_one_and_are_one_under_a_single_window(is_tapered):
    windows = Windows.over((100, 30), (40, 40), (64, 64), is_tapered=is_tapered)
    rows, columns = windows.weights()
    total = np.zeros(100, np.float32)
    for top, weights in zip(windows.tops, rows, strict=True):
        total[top : top + 40] += weights
    assert np.allclose(total, 1)
    assert np.array_equal(columns[0], np.ones(30, np.float32))
    assert (rows[1][0] < 0.5) == is_tapered


def test_a_window_beyond_the_picture_is_filled():
    picture = np.arange(12, dtype=np.uint8).reshape(3, 4) + 1
    part = cut(picture, (-1, 2), (3, 4), fill=255)
    assert part.tolist() == [[255] * 4, [3, 4, 255, 255], [7, 8, 255, 255]]


OWN = {"img_size": 32, "prediction": {"window_height": 30, "window_width": 40}}


@pytest.mark.parametrize(
    ("picture", "slides"), [((60, 80), False), ((61, 80), True), ((60, 81), True), ((5, 7), False)]
)
def test_auto_slides_where_a_side_is_more_than_twice_the_windows(picture, slides):
    settings = segment(**OWN)
    assert is_slid(picture, settings) == slides
    assert windows_of(picture, settings).size == ((30, 40) if slides else picture)


@pytest.mark.parametrize(
    ("resize", "picture", "size"),
    [
        ("squash", (20, 90), (20, 40)),
        ("pad", (20, 90), (40, 40)),
        ("pad", (20, 30), (30, 30)),
        ("crop", (20, 90), (30, 40)),
        ("crop", (90, 90), (30, 40)),
    ],
)
def test_a_window_is_what_a_training_image_was(resize, picture, size):
    assert windows_of(picture, segment(**OWN, resize=resize)).size == size


def test_only_a_whole_picture_without_flips_and_scales_is_plain():
    assert is_plain((30, 40), segment(**OWN))
    for change in ({"mode": "slide"}, {"flip": "both"}, {"scales": [1.0, 2.0]}):
        own = {**OWN, "prediction": {**OWN["prediction"], **change}}
        assert not is_plain((30, 40), segment(**own))
    assert not is_plain((30, 40), segment(**OWN, resize="crop"))
