import pytest

from automl.errors import UsageError
from automl.skill.command.data import data_summary


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "data"
    (root / "images").mkdir(parents=True)
    (root / "images" / "a.txt").write_text("one")
    (root / "b.bin").write_bytes(bytes(2_000_000))
    return root


@pytest.mark.parametrize("value", ["", None, "???", "s3://bucket/data", []])
def test_a_key_without_a_local_place_walks_no_folder(value, tmp_path, monkeypatch):
    (tmp_path / "other.txt").write_text("not the data")
    monkeypatch.chdir(tmp_path)
    assert data_summary({"data.root": value}) == {}


def test_the_fingerprint_changes_with_the_contents_of_a_file(folder):
    before = data_summary({"root": str(folder)})
    assert before["files"] == 2
    (folder / "images" / "a.txt").write_text("two")
    assert data_summary({"root": str(folder)})["fingerprint"] != before["fingerprint"]


@pytest.mark.parametrize("position", [0, 1_000_000, 1_999_999])
def test_the_fingerprint_samples_a_large_file(folder, position):
    before = data_summary({"root": str(folder)})
    content = bytearray(2_000_000)
    content[position] = 1
    (folder / "b.bin").write_bytes(content)
    assert data_summary({"root": str(folder)}) != before


def test_the_fingerprint_is_that_of_a_copy_elsewhere(folder, tmp_path):
    before = data_summary({"root": str(folder)})
    (tmp_path / "elsewhere").mkdir()
    moved = folder.rename(tmp_path / "elsewhere" / "data")
    assert data_summary({"root": str(moved)}) == before


def test_every_place_of_a_list_must_exist(folder, tmp_path):
    images = str(folder / "images")
    assert data_summary({"train": [images, str(folder / "b.bin")]})["files"] == 2
    with pytest.raises(UsageError, match="train: there is no .*gone"):
        data_summary({"train": [images, str(tmp_path / "gone")]})
