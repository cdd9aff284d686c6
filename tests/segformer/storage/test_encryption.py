import os
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segformer.errors import CheckpointError
from segformer.storage.encryption import CHUNK, encryption_key_from, is_encrypted, reading, writing

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


@pytest.mark.parametrize("size", [0, 1, 1000, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 5])
def test_what_was_written_is_read_and_nothing_of_it_shows(tmp_path, size):
    content = os.urandom(size)
    path = write(tmp_path / "file", content)
    assert read(path) == content
    assert is_encrypted(path)
    assert size < 16 or content[:16] not in path.read_bytes()


def test_parts_are_read_from_any_place(tmp_path):
    content = os.urandom(2 * CHUNK + 100)
    with encryption_key_from("env:OURS"):
        with writing(tmp_path / "file") as file:
            for start in range(0, len(content), 70_001):
                file.write(content[start : start + 70_001])
        with reading(tmp_path / "file") as file:
            for place, size in ((CHUNK - 3, 10), (0, 5), (2 * CHUNK + 90, 50), (CHUNK, CHUNK)):
                file.seek(place)
                assert file.read(size) == content[place : place + size]
            file.seek(-7, os.SEEK_END)
            assert file.read() == content[-7:]


@pytest.mark.parametrize("place", [0, 8, 12, 27, 32, 100, CHUNK + 60, -1])
def test_a_changed_byte_is_one_clear_error(tmp_path, place):
    path = write(tmp_path / "file", bytes(CHUNK + 50))
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    if place == 0:  # It is no encrypted file at all then, and is not taken for a model either.
        assert not is_encrypted(path)
        return
    with pytest.raises(CheckpointError, match=CANNOT):
        read(path)


HEADER, STORED = 32, CHUNK + 16
"""Bytes of the header, and of a stored chunk with its tag: see docs/encryption.md."""


@pytest.fixture(scope="module")
def three_chunks(tmp_path_factory):
    """The header and the three chunks of an encrypted file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OURS", KEY)
        path = write(tmp_path_factory.mktemp("three") / "file", os.urandom(3 * CHUNK))
    content = path.read_bytes()
    chunks = [content[i : i + STORED] for i in range(HEADER, len(content), STORED)]
    return content[:HEADER], chunks


def refused(path, content):
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=CANNOT):
        read(path)


@pytest.mark.parametrize(
    "order",
    [(), (0,), (0, 1), (1, 2), (0, 2), (1, 0, 2), (0, 2, 1), (2, 1, 0), (0, 0, 1, 2), (0, 1, 2, 2)],
)
def test_chunks_dropped_reordered_or_duplicated_are_found(tmp_path, three_chunks, order):
    header, chunks = three_chunks
    refused(tmp_path / "file", header + b"".join(chunks[i] for i in order))


@pytest.mark.parametrize("size", [8, 10, 31, 32, 33, 47, 48, HEADER + STORED, HEADER + STORED + 1])
def test_a_file_cut_off_anywhere_is_found(tmp_path, three_chunks, size):
    header, chunks = three_chunks
    whole = header + b"".join(chunks)
    refused(tmp_path / "file", whole[:size])
    refused(tmp_path / "file", whole[:-size])


@pytest.mark.parametrize("count", [1, 16, STORED])
def test_bytes_added_at_the_end_are_found(tmp_path, three_chunks, count):
    header, chunks = three_chunks
    refused(tmp_path / "file", header + b"".join(chunks) + bytes(count))


@given(place=st.integers(8, HEADER + 3 * STORED - 1), bit=st.integers(0, 7))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_flipped_bit_is_found(tmp_path, three_chunks, place, bit):
    header, chunks = three_chunks
    content = bytearray(header + b"".join(chunks))
    content[place] ^= 1 << bit
    refused(tmp_path / "file", content)


def test_a_chunk_or_the_header_of_another_file_is_found(tmp_path, three_chunks):
    header, chunks = three_chunks
    other = write(tmp_path / "other", os.urandom(3 * CHUNK)).read_bytes()
    refused(tmp_path / "file", header + chunks[0] + other[HEADER + STORED :])
    refused(tmp_path / "file", other[:HEADER] + b"".join(chunks))


@pytest.mark.parametrize("cost", [0, 9, 14, 16, 21, 255])
def test_another_cost_of_the_key_in_the_header_is_found(tmp_path, three_chunks, cost):
    header, chunks = three_chunks
    refused(tmp_path / "file", header[:8] + bytes([cost]) + header[9:] + b"".join(chunks))


def test_a_file_without_the_mark_is_read_as_it_is(tmp_path, three_chunks):
    """What the format does not protect from: docs/encryption.md says so."""
    header, chunks = three_chunks
    for content in (b"", b"plain weights", b"X" + header[1:] + chunks[0]):
        path = tmp_path / "file"
        path.write_bytes(content)
        assert not is_encrypted(path)
        assert read(path) == content


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
        file.write(bytes(2 * CHUNK))
        raise RuntimeError("disk")
    with pytest.raises(CheckpointError, match=CANNOT):
        read(tmp_path / "file")


@pytest.mark.parametrize("reference", ["", "env:OURS"])
def test_a_full_disk_is_told_with_the_file_also_by_torch(reference):
    full = Path("/dev/full")
    content = {"weights": torch.zeros(300_000)}
    with (
        pytest.raises(OSError, match=r"No space left on device: '/dev/full'"),
        encryption_key_from(reference),
        writing(full) as file,
    ):
        torch.save(content, file)


def test_another_error_of_a_writer_is_its_own(tmp_path):
    with pytest.raises(RuntimeError, match="ours"), writing(tmp_path / "x"):
        raise RuntimeError("ours")
