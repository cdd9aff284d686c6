from dataclasses import replace

import layouts
import numpy as np
import pytest
from pictures import save, segment

from segformer.data.summary import summarised
from segformer.data.unusual import unusual


@pytest.fixture
def pairs(tmp_path):
    """Return eight pairs of two classes, all alike."""
    root = tmp_path / "set"
    ids = np.zeros((16, 16), np.uint8)
    ids[4:8, 4:12] = 1
    for split, numbers in (("train", range(6)), ("val", range(6, 8))):
        for number in numbers:
            pixels = np.random.default_rng(number).integers(90, 110, (16, 16, 3), dtype=np.uint8)
            save(root / f"images/{split}/{number}.png", pixels)
            save(root / f"masks/{split}/{number}.png", ids)
    return summarised(segment(root, num_classes=2)).pairs


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"colours": {1: (200.0, 200.0, 200.0)}}, "lighter than in other images"),
        ({"colours": {1: (160.0, 100.0, 40.0)}}, "redder than in other images"),
        ({"halves": np.eye(2, 256, dtype=np.int64) * [[250], [6]]}, "smaller than in other images"),
    ],
)
def test_the_strangest_image_of_a_class_is_named_with_what_is_strange(pairs, changes, reason):
    strange = [*pairs[:3], replace(pairs[3], **changes), *pairs[4:]]
    found = unusual(strange, 1)
    assert found.strangest is strange[3]
    assert found.reason.startswith(reason)
    assert found.typical is not strange[3]


def test_of_few_images_none_is_strange_and_of_none_nothing_is_said(pairs):
    assert unusual(pairs[:2], 1).strangest is None
    assert unusual(pairs, 5) is None


def test_colours_are_the_means_of_the_pixels_of_a_class(tmp_path):
    layouts.split_pairs(tmp_path / "images/{}", tmp_path / "masks/{}")
    save(tmp_path / "images/val/c.png", np.full((8, 12, 3), (10, 20, 30), np.uint8))
    (tmp_path / "images/val/c.jpg").unlink()
    (pair,) = [p for p in summarised(segment(tmp_path, num_classes=3)).pairs if p.pair.stem == "c"]
    assert pair.colours == {i: (10.0, 20.0, 30.0) for i in range(3)}
