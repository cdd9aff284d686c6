import pytest

from segformer.storage.atomic import replacing


def test_file_is_replaced_when_written(tmp_path):
    path = tmp_path / "new folder" / "a.txt"
    for text in ("one", "two"):
        with replacing(path) as part:
            part.write_text(text)
    assert [each.read_text() for each in path.parent.iterdir()] == ["two"]


def test_old_file_stays_whole_when_writing_fails(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="half way"), replacing(path) as part:
        part.write_text("ne")
        raise RuntimeError("half way")
    assert [each.read_text() for each in tmp_path.iterdir()] == ["old"]
