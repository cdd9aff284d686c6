from collections import Counter

import numpy as np
import pytest

from segformer.data.rare_classes import RareClasses

COUNTS = np.array([[95, 5, 0], [100, 0, 0], [99, 0, 1], [100, 0, 0]])


def test_a_class_is_drawn_by_its_rareness_and_the_temperature():
    shares = np.array([394, 5, 1]) / 400
    for temperature in (0.1, 1.0):
        powers = np.exp((1 - shares) / temperature)
        rare = RareClasses.of(COUNTS, temperature=temperature)
        assert rare.probabilities == pytest.approx(powers / powers.sum())


def test_an_image_that_is_drawn_holds_the_class():
    rare, draw = RareClasses.of(COUNTS, temperature=0.5), np.random.default_rng(0)
    drawn = Counter(rare.draw(draw) for _ in range(500))
    assert all(COUNTS[image, chosen] for chosen, image in drawn)
    assert set(drawn) == {(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (2, 2)}


def test_a_class_that_no_image_holds_is_never_drawn():
    rare = RareClasses.of(COUNTS * [1, 0, 1], temperature=0.01)
    assert rare.probabilities[1] == 0.0
    assert rare.probabilities.sum() == pytest.approx(1.0)


def test_images_without_a_pixel_that_counts_are_drawn_alike():
    rare, draw = RareClasses.of(COUNTS * 0, temperature=0.1), np.random.default_rng(0)
    assert {rare.draw(draw)[1] for _ in range(60)} == {0, 1, 2, 3}
