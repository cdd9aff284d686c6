"""Which errors of a file system are faults of the network, and which are bugs of ours."""

from pathlib import Path

import pytest
from botocore.exceptions import EndpointConnectionError
from fsspec.exceptions import FSTimeoutError
from fsspec.spec import AbstractFileSystem

from segformer.errors import DataError
from segformer.storage import remote
from segformer.storage.location import Location
from segformer.storage.remote import RemoteFile, Store

FILE = RemoteFile("a.png", 1, "tag")


class Failing(AbstractFileSystem):
    """Raises the given errors, one a call, then writes a file."""

    def __init__(self, *errors):
        super().__init__()
        self.errors = list(errors)
        self.calls = 0

    def get_file(self, rpath, lpath, **_):
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        Path(lpath).write_bytes(b"x")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(remote, "_PAUSE_S", 0)


def fetch(files, path):
    Store(Location.read("s3://bucket/x"), files).fetch(FILE, path)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError("reset"),
        TimeoutError("slow"),
        FSTimeoutError("slow"),
        OSError("host is down"),
        EndpointConnectionError(endpoint_url="http://localhost"),
    ],
)
def test_a_fault_of_the_network_is_tried_again(tmp_path, error):
    files = Failing(error, error)
    fetch(files, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == b"x"
    assert files.calls == 3


def test_a_network_that_stays_broken_is_one_clear_error(tmp_path):
    files = Failing(*[OSError("s3://user:s3cr3t@host is down")] * 3)
    with pytest.raises(DataError, match=r"s3://bucket/x: cannot be read \(OSError") as caught:
        fetch(files, tmp_path / "a.png")
    assert files.calls == 3
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("error", [TypeError("ours"), KeyError("ours"), AttributeError("ours")])
def test_a_bug_of_ours_is_raised_at_once(tmp_path, error):
    files = Failing(error)
    with pytest.raises(type(error), match="ours"):
        fetch(files, tmp_path / "a.png")
    assert files.calls == 1


@pytest.mark.parametrize("error", [FileNotFoundError("a"), PermissionError("a"), ValueError("a")])
def test_a_fault_that_a_second_try_meets_again_is_reported_at_once(tmp_path, error):
    files = Failing(error)
    with pytest.raises(DataError, match="does not exist|is refused|cannot be read"):
        fetch(files, tmp_path / "a.png")
    assert files.calls == 1
