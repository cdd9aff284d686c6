import os

import pytest

from segformer.errors import CheckpointError
from segformer.storage.encryption import PIECE, encryption_key_from, is_sealed, reading, writing

KEY = "correct horse battery staple"
CANNOT = "cannot be decrypted: encryption_key is not its key, or the file was changed"


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    monkeypatch.setenv("OURS", KEY)
    monkeypatch.setenv("OTHER", KEY.upper())


def write(path, content, reference="env:OURS"):
    with encryption_key_from(reference), writing(path) as file:
        file.write(content)
    return path


def read(path, reference="env:OURS"):
    with encryption_key_from(reference), reading(path) as file:
        return file.read()


@pytest.mark.parametrize("size", [0, 1, 1000, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 5])
def test_what_was_written_is_read_and_nothing_of_it_shows(tmp_path, size):
    content = os.urandom(size)
    path = write(tmp_path / "file", content)
    assert read(path) == content
    assert is_sealed(path)
    assert size < 16 or content[:16] not in path.read_bytes()


def test_parts_are_read_from_any_place(tmp_path):
    content = os.urandom(2 * PIECE + 100)
    with encryption_key_from("env:OURS"):
        with writing(tmp_path / "file") as file:
            for start in range(0, len(content), 70_001):
                file.write(content[start : start + 70_001])
        with reading(tmp_path / "file") as file:
            for place, size in ((PIECE - 3, 10), (0, 5), (2 * PIECE + 90, 50), (PIECE, PIECE)):
                file.seek(place)
                assert file.read(size) == content[place : place + size]
            file.seek(-7, os.SEEK_END)
            assert file.read() == content[-7:]


@pytest.mark.parametrize("place", [0, 8, 12, 27, 32, 100, PIECE + 60, -1])
def test_a_changed_byte_is_one_clear_error(tmp_path, place):
    path = write(tmp_path / "file", bytes(PIECE + 50))
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    if place == 0:  # It is no encrypted file at all then, and is not taken for a model either.
        assert not is_sealed(path)
        return
    with pytest.raises(CheckpointError, match=CANNOT):
        read(path)


def test_pieces_left_out_exchanged_or_added_are_found(tmp_path):
    path = write(tmp_path / "file", os.urandom(3 * PIECE))
    content, size = path.read_bytes(), PIECE + 16
    one, two, three = (content[32 + i * size : 32 + (i + 1) * size] for i in range(3))
    for pieces in ((one, two), (one, three), (two, one, three), (one, two, three, three), ()):
        path.write_bytes(content[:32] + b"".join(pieces))
        with pytest.raises(CheckpointError, match=CANNOT):
            read(path)
    for cut in (10, 31, 40, len(content) - 1):
        path.write_bytes(content[:cut])
        with pytest.raises(CheckpointError, match=CANNOT):
            read(path)


def test_another_key_and_no_key_are_refused(tmp_path):
    path = write(tmp_path / "file", b"weights")
    with pytest.raises(CheckpointError, match=CANNOT):
        read(path, "env:OTHER")
    with pytest.raises(CheckpointError, match=r"file: is encrypted; give its key"):
        read(path, "")


def test_without_a_key_files_are_plain_and_plain_ones_are_read_with_one(tmp_path):
    path = write(tmp_path / "file", b"weights", "")
    assert path.read_bytes() == b"weights"
    assert read(path) == b"weights"


def test_two_files_of_one_content_differ(tmp_path):
    one, other = (write(tmp_path / name, bytes(100)).read_bytes() for name in "ab")
    assert one[32:] != other[32:]


def test_what_fails_in_between_is_no_whole_file(tmp_path):
    path = tmp_path / "file"
    with (
        pytest.raises(RuntimeError, match="disk"),
        encryption_key_from("env:OURS"),
        writing(path) as file,
    ):
        file.write(bytes(2 * PIECE))
        raise RuntimeError("disk")
    with pytest.raises(CheckpointError, match=CANNOT):
        read(tmp_path / "file")
