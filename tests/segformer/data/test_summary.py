import json

import layouts
import numpy as np
import pytest
from pictures import noise, save, segment

from segformer.data.batch import first_items
from segformer.data.sampler import EpochSampler
from segformer.data.summary import summarised
from segformer.data.summary_page import write_page
from segformer.data.summary_report import write_summary_report

THREE = {"num_classes": 3, "palette": [], "img_size": 32}


@pytest.fixture
def root(tmp_path):
    """Return a set whose val has no class 2, an empty mask, and an image of train."""
    layouts.split_pairs(tmp_path / "images/{}", tmp_path / "masks/{}")
    save(tmp_path / "masks/val/c.png", np.zeros((8, 12), np.uint8))
    half = np.zeros((8, 12), np.uint8)
    half[:4], half[4:] = 1, 255
    save(tmp_path / "masks/val/d.png", half)
    (tmp_path / "images/val/c.jpg").write_bytes((tmp_path / "images/train/a.jpg").read_bytes())
    return tmp_path


def test_counts_shares_and_what_stands_out(root):
    summary = summarised(segment(root, **THREE))
    train, val = summary.splits
    assert (train.images, train.median, train.empty_masks, val.empty_masks) == (2, (12, 8), 0, 1)
    assert list(train.pixel_shares.values()) == [1 / 3] * 3
    assert list(val.pixel_shares.values()) == [2 / 3, 1 / 3, 0]
    assert list(val.image_shares.values()) == [0.5, 0.5, 0]
    assert val.ignored_share == 0.25
    assert summary.kinds == {"8-bit RGB": 4}
    assert "val: no mask has class_2" in summary.warnings
    assert any("train/a.jpg and val/c.jpg" in line for line in summary.warnings)


def test_images_much_larger_than_the_training_size_are_named(root):
    save(root / "images/train/a.png", noise(40, 200))
    (root / "images/train/a.jpg").unlink()
    save(root / "masks/train/a.png", np.eye(40, 200, dtype=np.uint8))
    warnings = summarised(segment(root, **{**THREE, "img_size": 32})).warnings
    assert not [line for line in warnings if "training size" in line]
    (root / "images/train/b.jpg").unlink()
    (root / "masks/train/b.png").unlink()
    warnings = summarised(segment(root, **THREE)).warnings
    assert any("200x40 pixels, 6 times the training size of 32" in line for line in warnings)
    for shape in ({"img_width": 128}, {"resize": "crop"}):
        warnings = summarised(segment(root, **THREE, **shape)).warnings
        assert not [line for line in warnings if "training size" in line]


def test_pairs_that_cannot_be_read_are_listed_with_the_others(root):
    (root / "images/train/b.jpg").write_bytes(b"")
    summary = summarised(segment(root, **THREE))
    assert len(summary.pairs) == 3
    assert "b.jpg: is not an image" in summary.faults[0]
    assert "fault: " in summary.text()


def test_the_summary_is_json_and_tables(root):
    summary = summarised(segment(root, **THREE))
    content = json.loads(json.dumps(summary.to_dict()))
    assert content["splits"]["val"]["pixel_shares"]["class_0"] == 0.666667
    lines = summary.text().splitlines()
    assert any(line.split()[:3] == ["train", "2", "12x8"] for line in lines)
    assert any("66.7%" in line for line in lines)


def test_the_page_shows_overlays_with_a_legend_and_opens_offline(root, tmp_path):
    write_page(summarised(segment(root, **THREE)), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    # Four images, typical and strangest of three classes, a batch of two and a pair of copies.
    assert page.count("<img ") == page.count("data:image/webp;base64,") == 12
    assert "train/a.jpg: class_0, class_1, class_2" in page
    assert "train/a.jpg and val/c.jpg: equal byte for byte" in page
    assert "http" not in page


def test_a_report_has_a_folder_for_the_tables_and_one_for_each_gallery(root, tmp_path):
    write_summary_report(summarised(segment(root, **THREE)), tmp_path / "data")
    names = [path.name for path in sorted((tmp_path / "data").iterdir())]
    assert names == ["0-summary", "1-images", "2-classes", "3-batch", "4-copies"]
    content = json.loads((tmp_path / "data/3-batch/report.json").read_text())
    assert {each["caption"] for each in content["images"]} == {"train/a.jpg", "train/b.jpg"}
    assert all((tmp_path / "data/3-batch" / each["file"]).is_file() for each in content["images"])


def test_the_batch_is_what_the_training_loads_first(root):
    chosen = segment(root, **THREE)
    names = [name for name, *_ in first_items(chosen, summarised(chosen).pairs, 8, seed=3)]
    order = [index for _, index in EpochSampler(2, shuffle=True, seed=3)]
    assert names == [f"train/{'ab'[index]}.jpg" for index in order]
    assert not (root / "split.json").exists()


def test_the_largest_value_of_16_bits_is_shown(tmp_path):
    for split in ("train", "val"):
        save(tmp_path / f"images/{split}/a.png", np.full((8, 12), 4000, np.uint16))
        save(tmp_path / f"masks/{split}/a.png", layouts.ids())
    summary = summarised(segment(tmp_path, **THREE, image_bits=12))
    assert summary.to_dict()["largest_of_16_bits"] == 4000
    assert "2 16-bit grey (values up to 4000; 12 bits are used)" in summary.text()


def test_what_a_training_refuses_or_warns_of_is_shown(root):
    for index, path in enumerate(sorted((root / "images/val").iterdir())):
        save(path.with_suffix(".png"), np.full((8, 12), 900 + index, np.uint16))
        path.unlink()
    for path in (root / "masks/val").iterdir():
        save(path, np.full((8, 12), 255, np.uint8))
    summary = summarised(segment(root, **THREE))
    assert any("masks/val: no pixel counts" in line for line in summary.faults)
    assert any("values up to 901, 1.4% of the 65535" in line for line in summary.warnings)
