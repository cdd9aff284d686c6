import numpy as np
import pytest
from pictures import noise, save, segment

from segformer.data.load import load_pair
from segformer.data.pairs import Pair
from segformer.errors import DataError


def pair(folder, image, mask, suffix=".png"):
    return Pair("a", save(folder / "i/a.png", image), save(folder / f"m/a{suffix}", mask))


def test_a_pair_is_an_image_and_class_ids(tmp_path):
    loaded = load_pair(pair(tmp_path, noise(), np.eye(8, 10, dtype=np.uint8)), segment())
    assert np.array_equal(loaded.image, noise())
    assert np.array_equal(loaded.ids, np.eye(8, 10))


def test_sizes_and_values_are_named_at_once(tmp_path):
    with pytest.raises(DataError, match="a.png: is 3x2 pixels, but its image a.png is 10x8") as e:
        load_pair(pair(tmp_path, noise(), [[0, 1, 9]] * 2), segment())
    assert len(e.value.faults) == 2


def test_faults_of_both_files_are_named(tmp_path):
    broken = pair(tmp_path, noise(), [[0]])
    for path in (broken.image, broken.mask):
        path.write_bytes(b"")
    with pytest.raises(DataError, match="i/a.png: is not an image.*\n.*m/a.png: is not"):
        load_pair(broken, segment())
