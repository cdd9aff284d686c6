import math
from collections import Counter

import numpy as np
import pytest

from segformer.data.augment import augment, settings_of
from segformer.spec.sections.augmentation import Augmentation
from segformer.spec.sections.dataset import DatasetSegment

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


# Measured: the draws come as in training, from (seed, epoch, index).
DRAWS = 600


def share(has_changed, **settings):
    """Return how many of DRAWS images have changed."""
    draws = ([7, epoch, index] for epoch in range(DRAWS // 20) for index in range(20))
    return sum(has_changed(*changed(seed=draw, **settings)) for draw in draws)


def is_within_3_sigma(count, probability):
    return abs(count - DRAWS * probability) <= 3 * math.sqrt(
        DRAWS * probability * (1 - probability)
    )


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.8])
@pytest.mark.parametrize(
    ("section", "name", "others"),
    [
        ("random_flip", "hflip_probability", {"vflip_probability": 0}),
        ("random_flip", "vflip_probability", {"hflip_probability": 0}),
        ("random_rotate", "rotate_probability", {"angle_list": [90, 180, 30.5]}),
        ("random_color", "color_probability", {}),
    ],
)
def test_a_probability_is_kept_within_3_sigma(section, name, others, probability):
    count = share(
        lambda image, _: not np.array_equal(image, IMAGE),
        **{section: {name: probability, **others}},
    )
    assert is_within_3_sigma(count, probability)


def test_flips_are_drawn_apart():
    flip = {"hflip_probability": 0.5, "vflip_probability": 0.5}
    both = share(lambda _, mask: np.array_equal(mask, np.rot90(MASK, 2)), random_flip=flip)
    assert is_within_3_sigma(both, 0.25)


@pytest.mark.parametrize("angles", [[90], [90, 180], [90, 180, 270, 360, 12.5]])
def test_every_angle_is_drawn_as_often(angles):
    turn = {"rotate_probability": 1, "angle_list": angles}
    counts = Counter()
    share(lambda _, mask: counts.update([mask.tobytes()]) or True, random_rotate=turn)
    assert len(counts) == len(angles)
    assert all(is_within_3_sigma(count, 1 / len(angles)) for count in counts.values())


def everything():
    settings = Augmentation().model_dump()
    settings["random_rotate"]["angle_list"] = [90, 17.5, -211, 45]
    settings["with_scale_random_crop"]["scale_range"] = [0.5, 2]
    return settings


def test_masks_hold_nothing_but_classes_and_ignored():
    seen = set()
    share(lambda _, mask: seen.update(np.unique(mask).tolist()) or True, **everything())
    assert seen == {0, 1, 2, 3, 255}


def test_image_and_mask_go_together_through_everything_but_colour():
    blob = np.zeros((64, 64), np.uint8)
    blob[10:50, 20:44] = 1
    settings = {**everything(), "random_color": {"enable": False}}
    for seed in range(60):
        image, mask = changed(np.stack([blob * 200] * 3, 2), blob, [seed], **settings)
        counted = mask != 255
        assert ((image[..., 0] > 100) == (mask == 1))[counted].mean() > 0.93


def test_colour_never_touches_the_mask():
    colour = {"color_probability": 1, "brightness": 2, "contrast": 2, "saturation": 2, "hue": 0.5}
    kept = share(lambda _, mask: np.array_equal(mask, MASK), random_color=colour)
    assert kept == DRAWS


@pytest.mark.parametrize("name", ["with_random_blur", "with_random_crop"])
def test_a_switch_changes_images_only_when_it_is_on(name):
    on = share(lambda image, _: not np.array_equal(image, IMAGE), **{name: True})
    off = share(lambda image, _: not np.array_equal(image, IMAGE), **{name: False})
    assert on > DRAWS * 0.8
    assert off == 0


def effective(**segment):
    return settings_of(DatasetSegment(**segment))


def test_strength_scales_all_four_colours():
    four = ("brightness", "contrast", "saturation", "hue")
    own = dict(zip(four, (0.1, 0.2, 0.4, 0.05), strict=True))
    colour = effective(augmentation={"random_color": {**own, "strength": 0.5}}).random_color
    assert [getattr(colour, name) for name in four] == pytest.approx([0.05, 0.1, 0.2, 0.025])
    assert effective() == Augmentation()


def test_images_with_an_up_keep_it():
    turns = {"angle_list": [0, -10, 45, 90, 180, 270, 350]}
    settings = effective(has_up=True, augmentation={"random_rotate": turns})
    assert settings.random_flip.vflip_probability == 0.0
    assert settings.random_flip.hflip_probability == 0.5
    assert settings.random_rotate.angle_list == [0, -10, 45, 350]
    assert settings.random_rotate.enable
    assert not effective(has_up=True).random_rotate.enable


def test_a_rectangle_keeps_its_size_and_is_turned_about_its_centre():
    image, mask = IMAGE[:, :20], MASK[:, :20]
    for seed in range(20):
        draw = np.random.default_rng(seed)
        found = augment(image, mask, Augmentation(), draw=draw)
        assert (found[0].shape, found[1].shape) == ((SIZE, 20, 3), (SIZE, 20))
    turn = {"rotate_probability": 1, "angle_list": [90]}
    _, turned = changed(image, mask, random_rotate=turn)
    assert set(turned[0]) == {255}
    assert turned[SIZE // 2, 10] in mask[SIZE // 2 - 1 : SIZE // 2 + 1, 9:11]
