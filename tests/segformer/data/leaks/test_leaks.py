from pathlib import Path

import pytest
from copies import recompressed, scene, turned

from segformer.data.leaks.leaks import SplitImage, leaks_of
from segformer.data.leaks.thumbnail import thumbnail


@pytest.fixture
def images(monkeypatch, tmp_path):
    """Return a.png of train, its copy in val, its mirror image in train, and another in val."""
    monkeypatch.setenv("AUTOML_CACHE", str(tmp_path / "cache"))
    mirrored = recompressed(turned(scene(0), 1))
    entries = [
        ("train", "a", scene(0)), ("val", "b", scene(0)), ("train", "c", mirrored),
        ("val", "d", scene(1)),
    ]  # fmt: skip
    return [
        SplitImage(split, Path(f"{name}.png"), str(pixels.sum()), thumbnail(pixels))
        for split, name, pixels in entries
    ]


def test_pairs_are_told_by_kind(images):
    exact, near = leaks_of(images).lines()
    assert exact == (
        "a pair of images of different splits, equal byte for byte, as train/a.png and val/b.png: "
        "scores on copies of training images are too good"
    )
    assert near.startswith(
        "a pair of images of one split, nearly the same, as train/a.png and train/c.png (mirrored"
    )


def test_pairs_are_json_with_those_between_splits_first(images):
    content = leaks_of(images).to_dict()
    assert (content["between_splits"], content["within_splits"]) == (1, 1)
    assert [pair["orientation"] for pair in content["pairs"]] == ["same", "mirrored"]
    assert [pair["exact"] for pair in content["pairs"]] == [True, False]


def test_the_same_contents_are_compared_once(images, tmp_path):
    first = leaks_of(images)
    (kept,) = (tmp_path / "cache/leaks").iterdir()
    kept.write_text("[]")
    assert len(leaks_of(images).pairs) == 1
    kept.write_text("damaged")
    assert leaks_of(images).to_dict() == first.to_dict()
