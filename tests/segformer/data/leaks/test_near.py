import pytest
from copies import cropped, recompressed, scene, turned

from segformer.data.leaks.near import matches
from segformer.data.leaks.thumbnail import thumbnail

SCENES = [thumbnail(scene(number)) for number in range(8)]


@pytest.mark.parametrize("orientation", range(8))
def test_a_copy_is_found_in_every_orientation(orientation):
    copy = thumbnail(recompressed(turned(cropped(scene(3)), orientation)))
    (match,) = matches([*SCENES, copy])
    assert (match.first, match.second, match.orientation) == (3, 8, orientation)


def test_the_larger_image_may_be_the_later_one():
    (match,) = matches([thumbnail(turned(cropped(scene(20)), 5)), *SCENES, thumbnail(scene(20))])
    assert (match.first, match.second) == (0, 9)
    assert match.orientation == 6  # The second is the first, turned back.


def test_different_images_are_no_copies():
    assert matches(SCENES) == []
    assert matches(SCENES[:1]) == []
