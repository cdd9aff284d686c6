import numpy as np
import pytest

from segformer.data.augment import augment
from segformer.spec_augmentation import Augmentation

SIZE = 32
OFF = {
    "random_flip": {"enable": False},
    "random_rotate": {"enable": False},
    "random_color": {"enable": False},
    "with_scale_random_crop": {"enable": False},
    "with_random_blur": False,
    "with_random_crop": False,
}
MASK = np.random.default_rng(0).integers(0, 4, (SIZE, SIZE), dtype=np.uint8)
IMAGE = np.stack([MASK * 60] * 3, axis=2)
SQUARE = np.zeros((SIZE, SIZE), np.uint8)
SQUARE[8:24, 8:20] = 1


def changed(image=IMAGE, mask=MASK, seed=0, **settings):
    draw = np.random.default_rng(seed)
    return augment(image, mask, Augmentation(**{**OFF, **settings}), draw=draw)


def test_everything_off_changes_nothing():
    image, mask = changed()
    assert np.array_equal(image, IMAGE)
    assert np.array_equal(mask, MASK)


@pytest.mark.parametrize(
    ("probabilities", "expected"), [((1, 0), np.fliplr), ((0, 1), np.flipud), ((1, 1), np.rot90)]
)
def test_flips_move_image_and_mask_together(probabilities, expected):
    horizontal, vertical = probabilities
    flip = {"hflip_probability": horizontal, "vflip_probability": vertical}
    image, mask = changed(random_flip=flip)
    expected_mask = np.rot90(MASK, 2) if expected is np.rot90 else expected(MASK)
    assert np.array_equal(mask, expected_mask)
    assert np.array_equal(image[..., 0], mask * 60)


@pytest.mark.parametrize("angle", [90, 180, 270, -90, 360])
def test_quarter_turns_are_exact(angle):
    image, mask = changed(random_rotate={"rotate_probability": 1, "angle_list": [angle]})
    assert np.array_equal(mask, np.rot90(MASK, angle // 90))
    assert np.array_equal(image[..., 0], mask * 60)


def test_other_angles_ignore_what_comes_in_from_outside():
    white = np.full((SIZE, SIZE, 3), 200, np.uint8)
    turn = {"rotate_probability": 1, "angle_list": [45]}
    image, mask = changed(white, SQUARE, random_rotate=turn)
    assert mask[0, 0] == 255
    assert image[0, 0].tolist() == [0, 0, 0]
    assert 0 < (mask == 255).mean() < 0.4


def test_every_angle_of_the_list_is_drawn():
    turn = {"rotate_probability": 1, "angle_list": [0, 90, 180, 270, 45]}
    masks = {changed(seed=s, random_rotate=turn)[1].tobytes() for s in range(60)}
    assert len(masks) == 5


@pytest.mark.parametrize("factor", [0.5, 1.5])
def test_scaling_keeps_size_and_pads_with_ignored(factor):
    scale = {"scale_range": [factor, factor]}
    image, mask = changed(np.stack([SQUARE * 200] * 3, 2), SQUARE, with_scale_random_crop=scale)
    assert image.shape == (SIZE, SIZE, 3)
    assert mask.shape == (SIZE, SIZE)
    assert (mask == 255).mean() == (0.75 if factor < 1 else 0)
    assert set(np.unique(mask)) <= {0, 1, 255}


def test_a_crop_keeps_size_classes_and_most_of_the_area():
    image = np.stack([SQUARE * 200] * 3, 2)
    for seed in range(20):
        cropped, mask = changed(image, SQUARE, seed, with_random_crop=True)
        assert cropped.shape == (SIZE, SIZE, 3)
        assert set(np.unique(mask)) == {0, 1}
        assert 0.9 <= mask.mean() / SQUARE.mean() <= 1.35


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "hue"])
def test_colour_changes_the_image_alone(name):
    colourful = np.random.default_rng(1).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    zero = dict.fromkeys(("brightness", "contrast", "saturation", "hue"), 0)
    same, _ = changed(colourful, random_color={**zero, "color_probability": 1})
    image, mask = changed(colourful, random_color={**zero, name: 0.4, "color_probability": 1})
    assert np.array_equal(same, colourful)
    assert not np.array_equal(image, colourful)
    assert np.array_equal(mask, MASK)


def test_color_probability_is_kept():
    seen = [changed(seed=s, random_color={"color_probability": 0.25})[0] for s in range(200)]
    share = np.mean([not np.array_equal(image, IMAGE) for image in seen])
    assert 0.15 < share < 0.35


def test_blur_leaves_the_mask():
    image, mask = changed(with_random_blur=True)
    assert image.std() < IMAGE.std()
    assert np.array_equal(mask, MASK)


def test_the_default_draws_the_same_from_the_same_generator():
    one, same, other = (changed(seed=s, **Augmentation().model_dump()) for s in (3, 3, 4))
    assert np.array_equal(one[0], same[0])
    assert not np.array_equal(one[0], other[0])
