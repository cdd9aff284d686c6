import numpy as np
import pytest
from copies import cropped, scene, turned

from segformer.data.leaks.thumbnail import oriented, oriented_hashes, thumbnail, window_hashes


def hashes(*images):
    return window_hashes([thumbnail(image) for image in images])


@pytest.mark.parametrize("orientation", range(8))
def test_a_hash_is_turned_without_its_image(orientation):
    own = list(oriented_hashes(hashes(scene(0))[0]))[orientation]
    assert own @ hashes(turned(scene(0), orientation))[0, 0] == pytest.approx(1, abs=0.01)


def test_a_window_of_an_image_has_the_hash_of_that_crop():
    windows = hashes(scene(1), scene(2))
    crop = hashes(cropped(scene(1), corner=(0.5, 0.5)))[0, 0]
    assert max(windows[:, 0] @ crop) > 0.95 > 0.7 > max(windows[:, 1] @ crop)


def test_an_even_image_is_like_none():
    assert np.abs(hashes(np.full((40, 40, 3), 9, np.uint8))).max() < 1e-3


def test_orientations_are_those_of_the_pixels():
    image = thumbnail(scene(3)).astype(np.float32)
    assert np.array_equal(oriented(image, 5), np.rot90(image, -1))
    assert np.array_equal(oriented(image, 6), np.rot90(image))
