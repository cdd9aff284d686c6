import numpy as np
from copies import cropped, recompressed, scene

from segformer.data.leaks.alignment import details, likeness
from segformer.data.leaks.thumbnail import thumbnail


def of(whole, part):
    return likeness(details(thumbnail(whole)), details(thumbnail(part)))


def test_a_recompressed_crop_is_like_its_image_and_others_are_not():
    assert of(scene(0), recompressed(cropped(scene(0)))) > 0.9
    assert of(scene(0), scene(1)) < 0.4


def test_light_and_contrast_do_not_matter():
    assert of(scene(0), (scene(0) * 0.6 + 40).astype(np.uint8)) > 0.95


def test_a_common_frame_makes_no_copies():
    framed = [scene(0), scene(1)]
    for image in framed:
        image[:6], image[-6:], image[:, :6], image[:, -6:] = 0, 0, 0, 255
    assert of(*framed) < 0.7


def test_images_without_texture_are_not_alike():
    even = np.full((64, 64, 3), 100, np.uint8)
    assert of(even, even) < 0.5
