import os
from pathlib import Path

import pytest
from pictures import data_set, noise, save

from segformer.data.pairs import find_pairs


def test_pairs_share_a_stem_whatever_the_format(tmp_path):
    for name in ("b.JPG", "a.png", "with.two.dots.bmp", "ü space.tif"):
        save(tmp_path / "images/train" / name, [[0]])
    for name in ("a.png", "b.png", "with.two.dots.PNG", "ü space.png"):
        save(tmp_path / "masks/train" / name, [[0]])
    (tmp_path / "masks/train/readme.txt").write_text("no mask")
    stems = [pair.stem for pair in find_pairs(tmp_path, "train").pairs]
    assert stems == ["a", "b", "with.two.dots", "ü space"]


def test_a_stem_without_partner_is_named_on_both_sides(tmp_path):
    data_set(tmp_path)
    (tmp_path / "masks/train/01.png").rename(tmp_path / "masks/train/x1.png")
    pairing = find_pairs(tmp_path, "train")
    assert [pair.stem for pair in pairing.pairs] == ["00", "02"]
    faults = pairing.faults
    assert ["images/train/01.png: has no partner" in faults[0], "1.png" in faults[1]] == [True] * 2


@pytest.mark.parametrize(
    ("image", "mask", "change"),
    [
        ("img_{}.png", "mask_{:04d}.png", "numbers without zeros before them"),
        ("im{}.png", "Label_{}_im{}.png", "MATLAB's Label_1_"),
    ],
)
def test_numbers_are_written_in_two_ways(tmp_path, image, mask, change):
    for number in range(9, 12):
        save(tmp_path / "images/train" / image.format(number), noise())
        save(tmp_path / "masks/train" / mask.format(number, number), [[0]])
    pairing = find_pairs(tmp_path, "train")
    assert len(pairing.pairs) == 3 and not pairing.faults
    assert change in pairing.note


def test_names_of_which_none_fits_are_one_line_with_the_next_step(tmp_path):
    for number in range(3):
        save(tmp_path / f"images/train/photo_{number}.png", noise())
        save(tmp_path / f"masks/train/Label{number + 70}x.png", [[0]])
    (fault,) = find_pairs(tmp_path, "train").faults
    assert "no mask is named like its image" in fault
    assert fault.endswith("or list the pairs in a CSV with the columns image and mask")


def test_masks_of_the_objects_of_each_image_are_named_where_no_mask_fits(tmp_path):
    for name in ("0", "1"):
        save(tmp_path / f"images/train/{name}.png", noise())
        for part in ("hair", "nose"):
            save(tmp_path / f"masks/train/{name}_{part}.png", [[0]])
    pairing = find_pairs(tmp_path, "train")
    assert len(pairing.faults) == 2 and not pairing.pairs
    assert "0.png: has several masks (0_hair.png, 0_nose.png)" in pairing.faults[0]


@pytest.mark.parametrize(
    ("forms", "read"),
    [
        (("", "_labelTrainIds"), "_labelTrainIds"),
        (("_gtFine_color", "_gtFine_labelIds", "_gtFine_instanceIds"), "_gtFine_labelIds"),
        (("", "_colour", "_instance"), ""),
        (("", "_vis"), ""),
        (("", "-overlay"), ""),
    ],
)
def test_of_several_forms_of_the_masks_the_one_with_the_classes_is_read(tmp_path, forms, read):
    for name in ("a", "b", "c"):
        save(tmp_path / f"images/train/{name}.jpg", [[0]])
        for form in forms:
            save(tmp_path / f"masks/train/{name}{form}.png", [[0]])
    pairing = find_pairs(tmp_path, "train")
    assert [pair.mask.name for pair in pairing.pairs] == [f"{n}{read}.png" for n in "abc"]
    assert not pairing.faults
    assert "masks are there in other forms, too, with " in pairing.note


def test_names_that_all_have_a_partner_are_no_forms(tmp_path):
    for name in ("a", "a_color", "b", "b_color"):
        save(tmp_path / f"images/train/{name}.png", [[0]])
        save(tmp_path / f"masks/train/{name}.png", [[0]])
    pairing = find_pairs(tmp_path, "train")
    assert [pair.mask.name for pair in pairing.pairs] == [pair.image.name for pair in pairing.pairs]
    assert (len(pairing.pairs), pairing.note) == (4, "")


def test_of_several_channels_of_an_image_the_colours_are_read(tmp_path):
    for name in ("a", "b"):
        for form in ("rgb", "depth", "NIR"):
            save(tmp_path / f"images/train/{name}_{form}.png", [[0]])
        save(tmp_path / f"masks/train/{name}.png", [[0]])
    pairing = find_pairs(tmp_path, "train")
    assert [pair.image.name for pair in pairing.pairs] == ["a_rgb.png", "b_rgb.png"]
    assert not pairing.faults
    assert "images are there in other forms, too, with _NIR and _depth" in pairing.note


def test_forms_that_only_some_masks_have_are_named_as_before(tmp_path):
    for name in ("a", "b"):
        save(tmp_path / f"images/train/{name}.png", [[0]])
        save(tmp_path / f"masks/train/{name}.png", [[0]])
    save(tmp_path / "masks/train/a_color.png", [[0]])
    pairing = find_pairs(tmp_path, "train")
    assert [pair.mask.name for pair in pairing.pairs] == ["a.png", "b.png"]
    assert "a_color.png: has no partner" in pairing.faults[0]


def test_a_stem_may_not_come_twice(tmp_path):
    data_set(tmp_path)
    save(tmp_path / "images/train/01.bmp", [[0]])
    (fault,) = find_pairs(tmp_path, "train").faults
    assert "01.png: has the same stem as 01.bmp" in fault


def test_missing_folders_are_named(tmp_path):
    faults = find_pairs(tmp_path, "test").faults
    assert ["images/test: no such folder" in faults[0], "masks/test" in faults[1]] == [True] * 2


@pytest.mark.parametrize("kind", ["images", "masks"])
def test_an_empty_folder_is_one_fault(tmp_path, kind):
    data_set(tmp_path)
    for path in (tmp_path / kind / "val").iterdir():
        path.unlink()
    (fault,) = find_pairs(tmp_path, "val").faults
    assert f"{kind}/val: holds no .png" in fault


def test_a_name_that_is_not_utf_8_is_named(tmp_path):
    data_set(tmp_path)
    for kind in ("images", "masks"):
        folder = str(tmp_path / kind / "train").encode()
        Path(os.fsdecode(folder + b"/00.png")).rename(os.fsdecode(folder + b"/\xe9.png"))
    faults = find_pairs(tmp_path, "train").faults
    assert len(faults) == 2
    assert r"the name of '\udce9.png' is not UTF-8; rename it" in faults[0]


def test_images_of_several_folders_may_have_their_masks_in_one(tmp_path):
    for city in ("bonn", "ulm"):
        save(tmp_path / f"images/train/{city}/{city}1.png", noise())
        save(tmp_path / f"masks/train/{city}1.png", [[0, 1]] * 8)
    pairing = find_pairs(tmp_path, "train")
    assert ([pair.stem for pair in pairing.pairs], pairing.faults) == (["bonn1", "ulm1"], [])


def test_masks_of_several_folders_are_not_taken_together(tmp_path):
    """They may be of classes, which their values do not tell apart."""
    for name in ("cat", "dog"):
        save(tmp_path / f"images/train/{name}1.png", noise())
        save(tmp_path / f"masks/train/{name}/{name}1.png", [[0, 1]] * 8)
    assert "masks/train: holds no" in str(find_pairs(tmp_path, "train").faults)
