import numpy as np
import pytest
from copies import scene, turned

from segformer.data.leaks.thumbnail import thumbnail, window_hashes
from segformer.suspects.queue import chosen, uncertainty


def test_uncertainty_is_0_for_a_sure_model_and_1_for_a_guess():
    sure = np.zeros((4, 3, 3), np.float32)
    sure[2] = 1
    assert uncertainty(sure) == pytest.approx(0, abs=1e-4)
    assert uncertainty(np.full((4, 3, 3), 0.25, np.float32)) == pytest.approx(1)


def test_the_most_unsure_comes_first_and_a_copy_of_it_last():
    images = [scene(0), scene(0), scene(1), turned(scene(2), 1)]
    hashes = window_hashes([thumbnail(image) for image in images])[0]
    assert chosen(np.array([0.9, 0.8, 0.3, 0.2]), hashes, 3) == [0, 2, 3]
    assert sorted(chosen(np.array([0.9, 0.8, 0.3, 0.2]), hashes, 9)) == [0, 1, 2, 3]
