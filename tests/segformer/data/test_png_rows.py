import io

import numpy as np
import pytest
from pictures import noise
from PIL import Image

from segformer.data.png_rows import PngRows


def read(content):
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        return image.mode, np.asarray(image)


@pytest.mark.parametrize("strips", [[20], [1, 7, 12], [1] * 20])
def test_a_picture_in_strips_is_the_whole_one(strips):
    pixels, file, top = noise(20, 33), io.BytesIO(), 0
    with PngRows(file, (20, 33)) as png:
        for rows in strips:
            png.add(pixels[top : top + rows])
            top += rows
    mode, found = read(file.getvalue())
    assert mode == "RGB" and np.array_equal(found, pixels)


def test_class_ids_have_a_palette():
    ids, file = np.arange(256, dtype=np.uint8).reshape(16, 16), io.BytesIO()
    palette = noise(1, 256).tobytes()
    with PngRows(file, ids.shape, palette=palette) as png:
        png.add(ids)
    mode, found = read(file.getvalue())
    assert mode == "P" and np.array_equal(found, ids)
    with Image.open(io.BytesIO(file.getvalue())) as image:
        assert bytes(image.getpalette()) == palette
