"""A field of view is no annotation: its masks show one region in every image."""

import layouts
import numpy as np
import pytest
from pictures import save, segment

from segformer.data.layouts.one_region import is_of_one_region
from segformer.data.source import source_of, unused

FIELD = np.zeros((layouts.HEIGHT, layouts.WIDTH), np.uint8)
FIELD[1:7, 2:10] = 255


def vessels(number):
    return np.roll(layouts.ids(2), number, axis=1) * 255


def eyes(root, field, vessel, images="images", *, stems="abcd"):
    """Write images, the field of view of each, and its vessels."""
    for number, stem in enumerate(stems):
        layouts.image(root / images / f"{stem}.png")
        save(root / field / f"{stem}_mask.png", FIELD)
        save(root / vessel / f"{stem}_manual1.png", vessels(number))


@pytest.mark.parametrize(
    ("field", "vessel"), [("mask", "1st_manual"), ("masks", "labels"), ("mask", "gt")]
)
def test_annotations_go_before_a_field_of_view(tmp_path, field, vessel):
    eyes(tmp_path, field, vessel)
    source = source_of(segment(tmp_path))
    masks = [pair.mask for pairs in source.splits.values() for pair in pairs]
    assert {path.parent.name for path in masks} == {vessel}
    line = f"{tmp_path / field}: is passed over, since all its masks show one region"
    assert any(note.startswith(line) for note in source.notes)
    assert unused(source, segment(tmp_path)) == []


def test_drive_is_read_in_its_splits(tmp_path):
    for split, stems in (("training", "abcd"), ("test", "ef")):
        eyes(tmp_path / "DRIVE" / split, "mask", "1st_manual", stems=stems)
    source = source_of(segment(tmp_path))
    assert {split: len(pairs) for split, pairs in source.splits.items()} == {
        "train": 3, "val": 1, "test": 2,
    }  # fmt: skip
    assert all(p.mask.parent.name == "1st_manual" for p in source.splits["test"])


def test_masks_that_differ_or_show_nothing_are_of_no_one_region(tmp_path):
    for number in range(3):
        save(tmp_path / "differ" / f"{number}.png", vessels(number))
        save(tmp_path / "empty" / f"{number}.png", FIELD * 0)
        save(tmp_path / "one" / f"{number}.png", FIELD)
    found = [is_of_one_region(tmp_path / name) for name in ("differ", "empty", "one")]
    assert found == [False, False, True]
