import json
import os

import pytest
from pictures import data_set, noise, save, segment

from segformer.data.check import check_again, check_data
from segformer.errors import DataError


@pytest.fixture
def kept(tmp_path):
    """A checked data set and the file of what the check found."""
    root = data_set(tmp_path / "data")
    path = tmp_path / "check.json"
    check_data(segment(root)).kept.write(path)
    return root, path


class Reading(list):
    """The calls of `progress` for pairs that are read."""

    def again(self, settings, path):
        return check_again(settings, path, progress=lambda *done: self.append(done))


@pytest.fixture
def read():
    return Reading()


def test_of_the_same_files_none_is_read_and_all_is_said_again(tmp_path, read, caplog):
    root, path = data_set(tmp_path / "data"), tmp_path / "check.json"
    save(root / "images/val/00.png", noise(seed=0))
    save(root / "images/train/00.png", noise(seed=0))
    (root / "images/train/notes.txt").touch()
    first = read.again(segment(root), path)
    said = caplog.messages[:]
    assert len(read) >= 5
    read.clear()
    assert "; ".join(said).count("equal byte for byte") == 1
    caplog.clear()
    assert read.again(segment(root), path) == first
    assert not read
    assert caplog.messages == said
    assert check_data(segment(root)).record == first


@pytest.mark.parametrize(
    "change",
    ["image", "mask", "added", "removed", "renamed", "class names", "settings", "second time"],
)
def test_whatever_changes_has_all_read_again(kept, read, change):
    root, path = kept
    before, settings = read.again(segment(root), path), segment(root)
    assert not read
    image, mask = root / "images/train/00.png", root / "masks/train/00.png"
    if change == "image":
        save(image, noise(seed=99))
    elif change == "mask":
        save(mask, [[1] * 10] * 8)
    elif change == "added":
        save(root / "images/train/09.png", noise(seed=9))
        save(root / "masks/train/09.png", [[0, 1] * 5] * 8)
    elif change == "removed":
        image.unlink()
        mask.unlink()
    elif change == "renamed":
        for folder in ("images", "masks"):
            (root / folder / "train/00.png").rename(root / folder / "train/0.png")
    elif change == "class names":
        (root / "classes.txt").write_text("a\nb\n")
    elif change == "settings":
        settings = segment(root, img_size=64)
    else:  # As of two files that changed places, or of one that was put in the place of another.
        times = image.stat().st_atime_ns, image.stat().st_mtime_ns
        image.write_bytes(image.read_bytes())
        os.utime(image, ns=times)
    after = read.again(settings, path)
    assert read
    is_same = change in ("class names", "settings", "second time")
    assert (after["fingerprint"] == before["fingerprint"]) is is_same
    read.clear()
    assert read.again(settings, path) == after
    assert not read


def test_without_a_path_the_cache_keeps_each_check(tmp_path, monkeypatch, read):
    monkeypatch.setenv("AUTOML_CACHE", str(tmp_path / "cache"))
    roots = [data_set(tmp_path / name) for name in "ab"]
    for root in roots:
        read.again(segment(root), None)
    assert len(read) == 10
    for root in roots:
        read.again(segment(root), None)
    assert len(read) == 10


def test_a_new_fault_is_found(kept):
    root, path = kept
    save(root / "images/train/09.png", noise(seed=9))
    with pytest.raises(DataError, match="09.png: has no partner"):
        check_again(segment(root), path)
    (root / "images/train/09.png").unlink()
    (root / "masks/train/00.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"00\.png"):
        check_again(segment(root), path)


@pytest.mark.parametrize("harm", ["torn", "other format", "no object", "a folder", "gone"])
def test_a_file_that_cannot_be_used_costs_a_check_and_is_written_anew(kept, read, harm):
    root, path = kept
    content = path.read_text()
    path.unlink()
    if harm == "torn":
        path.write_text(content[:-9])
    elif harm == "other format":
        path.write_text(json.dumps({**json.loads(content), "format": 2}))
    elif harm == "no object":
        path.write_text("[1]")
    elif harm == "a folder":
        path.mkdir()
    read.again(segment(root), path)
    assert len(read) == 5
    if harm != "a folder":
        assert path.read_text() == content


def test_a_split_that_is_held_out_is_no_change(tmp_path, read):
    from segformer.data.split_file import kept as written

    for number in range(8):
        save(tmp_path / f"data/images/{number}.png", noise(seed=number))
        save(tmp_path / f"data/masks/{number}.png", [[0, 1] * 5] * 8)
    checked = check_data(segment(tmp_path / "data"))
    checked.kept.write(tmp_path / "check.json")
    written(checked.held_out)
    again = read.again(segment(tmp_path / "data"), tmp_path / "check.json")
    assert again == checked.record
    assert not read
