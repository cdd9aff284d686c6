import numpy as np
import pytest
from pictures import noise, save, segment
from PIL import Image

from segformer.data.check import check_data
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


def turned(path, values, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, exif=exif)


@pytest.mark.parametrize(
    ("orientation", "of_mask", "is_doubtful"),
    [(3, 1, True), (3, 3, False), (1, 1, False), (1, 3, True)],
)
def test_an_image_that_is_turned_without_its_mask_is_named(
    tmp_path, caplog, orientation, of_mask, is_doubtful
):
    ids = np.eye(8, 10, dtype=np.uint8)
    for split, seed in (("train", 0), ("val", 1)):
        turned(tmp_path / f"images/{split}/a.png", noise(seed=seed), orientation)
        turned(tmp_path / f"masks/{split}/a.png", ids, of_mask)
    check_data(segment(tmp_path))
    assert ("2 images are turned as their EXIF says" in caplog.text) == is_doubtful


def test_sizes_that_differ_by_the_turn_of_exif_say_so(tmp_path):
    turned(tmp_path / "i/a.png", noise(), 6)
    mask = save(tmp_path / "m/a.png", np.eye(8, 10, dtype=np.uint8))
    with pytest.raises(DataError, match="is 8x10; the image is turned as its EXIF says"):
        load_pair(Pair("a", tmp_path / "i/a.png", mask), segment())
    upright = save(tmp_path / "m/b.png", np.eye(10, 8, dtype=np.uint8))
    loaded = load_pair(Pair("a", tmp_path / "i/a.png", upright), segment())
    assert not loaded.is_turned_alone
