"""Masks that a JPEG has changed: black and white is read, and other values are refused."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from segformer.data.images import read_mask
from segformer.data.lossy import black_and_white
from segformer.errors import DataError


def disc(height=160, width=200):
    y, x = np.mgrid[:height, :width]
    return (y - height / 2) ** 2 + (x - width / 2) ** 2 < (height / 3) ** 2


def compressed(values, quality, mode="RGB"):
    content = BytesIO()
    Image.fromarray(values.astype(np.uint8)).convert(mode).save(content, "JPEG", quality=quality)
    return np.asarray(Image.open(content).convert("RGB"))


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("quality", [40, 75, 95])
def test_every_pixel_of_black_and_white_is_what_it_was(quality, mode):
    values = disc() * 255
    assert np.array_equal(black_and_white(compressed(values, quality, mode)), values)


def test_a_black_mask_is_black():
    assert not black_and_white(compressed(disc() * 0, 75)).any()


@pytest.mark.parametrize(
    "values",
    [
        disc() * 1,
        disc() * 60 + 60,
        disc() * 1 + np.roll(disc(), 40, axis=1) * 2,
        np.where(disc(), 255, np.roll(disc(), 60, axis=1) * 9),
        np.where(disc(), 255, np.roll(disc(), 60, axis=1) * 128),
    ],
    ids=["0 and 1", "greys", "0 to 3", "0, 9 and 255", "0, 128 and 255"],
)
def test_classes_are_not_taken_for_black_and_white(values):
    assert black_and_white(compressed(values, 95)) is None


def test_colours_are_not_taken_for_black_and_white():
    values = np.zeros((160, 200, 3), np.uint8)
    values[disc()] = (255, 0, 0)
    assert black_and_white(values) is None


def test_a_jpeg_mask_of_classes_is_refused_with_the_way_out(tmp_path):
    Image.fromarray((disc() * 60).astype(np.uint8)).save(tmp_path / "a.jpg")
    with pytest.raises(DataError, match=r"lossy compression \(JPEG\), .*; save masks as PNG"):
        read_mask(tmp_path / "a.jpg")
