import numpy as np
import pytest
from PIL import Image

from segformer.data.labels import IGNORED
from segformer.data.overlay import class_colours, overlay
from segformer.evaluation.pictures import mask_png

RGB = [[0, 0, 0], [200, 10, 10], [0, 90, 0]]


def palette(colours):
    entries = [
        {"label_id": i, "seg_class": str(i), "rgb": colour} for i, colour in enumerate(colours)
    ]
    return {"dataset.segment.palette": entries}


def test_classes_have_the_palettes_colours_where_it_has_some(tiny_spec):
    colours = class_colours(tiny_spec(**palette(RGB)).dataset.segment)
    assert colours[:3].tolist() == RGB
    assert colours[255].tolist() == [128, 128, 128]


def test_classes_of_a_grey_palette_have_colours_that_can_be_told_apart(tiny_spec):
    colours = class_colours(tiny_spec().dataset.segment).astype(int)
    pairs = [(a, b) for a in range(20) for b in range(a)]
    assert min(np.abs(colours[a] - colours[b]).max() for a, b in pairs) >= 20


@pytest.mark.parametrize("ids", [[[0, 1], [2, 254]], [[7, 7], [7, 7]]])
def test_a_mask_file_holds_the_ids_and_shows_the_colours(tiny_spec, tmp_path, ids):
    colours = class_colours(tiny_spec(**palette(RGB)).dataset.segment)
    with (tmp_path / "mask.png").open("wb") as file, mask_png(file, (2, 2), colours) as png:
        png.add(np.array(ids, dtype=np.uint8))
    with Image.open(tmp_path / "mask.png") as image:
        assert np.asarray(image).tolist() == ids
        assert np.array_equal(np.asarray(image.convert("RGB")), colours[np.array(ids)])


def test_an_overlay_does_not_overflow():
    white = np.full((1, 1, 3), 255, dtype=np.uint8)
    colours = np.full((256, 3), 255, dtype=np.uint8)
    assert overlay(white, np.zeros((1, 1), dtype=np.uint8), colours).tolist() == [[[255] * 3]]


def test_ignored_pixels_of_an_overlay_are_striped():
    ids = np.zeros((8, 16), np.uint8)
    ids[:, 8:] = IGNORED
    shown = overlay(np.zeros((8, 16, 3), np.uint8), ids, np.full((256, 3), 90, np.uint8))
    assert np.unique(shown[:, :8]).tolist() == [45]
    assert np.unique(shown[:, 8:]).tolist() == [30, 127]
