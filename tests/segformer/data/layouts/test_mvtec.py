"""Images of defects with masks, and good ones without."""

import layouts
import numpy as np
import pytest
from pictures import save, segment

from segformer.data.layouts import layout_of
from segformer.data.source import layout_settings, source_of


def mvtec(root):
    for folder, stems in (("train/good", "gh"), ("test/good", "i"), ("test/cut", "abc")):
        for stem in stems:
            layouts.image(root / folder / f"{stem}.png")
    for stem in "abc":
        save(root / "ground_truth/cut" / f"{stem}_mask.png", layouts.ids(2) * 255)


def visa(root):
    for folder, stems in (("Normal", "ghi"), ("Anomaly", "abc")):
        for stem in stems:
            layouts.image(root / "Data/Images" / folder / f"{stem}.JPG")
    for stem in "abc":
        save(root / "Data/Masks/Anomaly" / f"{stem}.png", layouts.ids(2))


@pytest.mark.parametrize("write", [mvtec, visa])
def test_defects_have_their_masks_and_good_images_an_empty_one(tmp_path, write):
    write(tmp_path / "bottle")
    found = layout_of(tmp_path)
    assert found.layout.name == "mvtec"
    data = found.read()
    (pairs,) = data.splits.values()
    shown = {pair.stem: bool(pair.read_mask().values.any()) for pair in pairs}
    assert shown == {**dict.fromkeys("abc", True), **dict.fromkeys("ghi", False)}
    assert not data.faults and "3 images without a defect have no mask" in data.notes[0]


def test_good_images_are_background(tmp_path):
    mvtec(tmp_path)
    keys, _ = layout_settings(tmp_path, action="train", given={})
    assert keys["dataset.segment.num_classes"] == 2
    source = source_of(segment(tmp_path, label_transform="norm"))
    good = [p for pairs in source.splits.values() for p in pairs if p.draw]
    assert [np.unique(p.read_mask().values).tolist() for p in good] == [[0]] * 3


def test_a_defect_without_its_image_is_a_fault(tmp_path):
    mvtec(tmp_path)
    (tmp_path / "test/cut/b.png").unlink()
    faults = source_of(segment(tmp_path)).faults
    assert any("b_mask.png: has no partner" in fault for fault in faults)
