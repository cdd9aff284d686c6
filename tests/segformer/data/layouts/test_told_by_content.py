"""Folders whose names say nothing: what their files hold tells images and masks apart."""

import layouts
import pytest
from pictures import noise, save

from segformer.data.layouts import layout_of
from segformer.errors import DataError


@pytest.mark.parametrize(
    ("images", "masks", "splits"),
    [
        ("X", "y", ("",)),
        ("Bilder", "Masken", ("",)),
        ("{}A", "{}B", ("train", "val")),
        ("{}/x", "{}/y", ("train", "val")),
    ],
)
def test_pictures_and_masks_are_told_apart(tmp_path, images, masks, splits):
    for split in splits:
        folders = (tmp_path / pattern.format(split) for pattern in (images, masks))
        layouts.pairs(*folders, image_end=".png")
    found = layout_of(tmp_path)
    assert found.layout.name == "content"
    data = found.read()
    assert data.counts == dict.fromkeys(splits, 4)
    pair = data.splits[splits[0]][0]
    wanted = [pattern.format(splits[0]) for pattern in (images, masks)]
    places = [path.parent.relative_to(tmp_path).as_posix() for path in (pair.image, pair.mask)]
    assert places == wanted
    name = wanted[0].rpartition("/")[2]
    assert f"is taken for the masks of {name}/, by what its files hold" in data.notes[0]


def test_two_folders_of_pictures_are_not_paired(tmp_path):
    for folder in ("X", "y"):
        for number in range(3):
            save(tmp_path / folder / f"{number}.png", noise(8, 12, number))
    with pytest.raises(DataError, match="is laid out in no known way"):
        layout_of(tmp_path)


def test_two_folders_of_other_names_are_not_paired(tmp_path):
    layouts.pairs(tmp_path / "X", tmp_path / "y", image_end=".png")
    (tmp_path / "y/a.png").rename(tmp_path / "y/other.png")
    with pytest.raises(DataError, match="is laid out in no known way"):
        layout_of(tmp_path)
