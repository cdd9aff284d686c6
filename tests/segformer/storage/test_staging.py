"""Staging against real servers on loopback: S3 (moto's server) and HTTP (Python's own)."""

import hashlib
import http.server
import shutil
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from pictures import data_set

from segformer.errors import DataError
from segformer.storage.staging import begun, pinned, staged


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AUTOML_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def source(tmp_path):
    """Return the folder of a data set with a dataset.json and a file that is none of it."""
    root = data_set(tmp_path / "source")
    (root / "dataset.json").write_text('{"classes": []}')
    (root / "other.bin").write_bytes(b"x")
    return root


@pytest.fixture
def bucket(s3, source):
    """Return the address of the data set in a bucket of its own, and a client for it."""
    name = f"data-{hashlib.sha256(str(source).encode()).hexdigest()[:12]}"
    s3.create_bucket(Bucket=name)
    for path in source.rglob("*"):
        if path.is_file():
            s3.upload_file(str(path), name, f"set/{path.relative_to(source)}")
    return f"s3://{name}/set"


class Counted(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, counts what is asked for, breaks off when told to."""

    asked: Counter
    breaks_after: list

    def do_GET(self):
        self.asked[self.path] += 1
        if self.breaks_after and sum(self.asked.values()) > self.breaks_after[0]:
            if "once" in self.breaks_after:
                self.breaks_after.clear()
            self.close_connection = True
            return
        if self.path.split("?")[-1] == "key=good" or "?" not in self.path:
            super().do_GET()
        else:
            self.send_error(403)

    def log_message(self, *_):
        pass


@pytest.fixture
def web(source):
    """Return the address of the data set on a web server, its counts and its breaking point."""
    asked, breaks_after = Counter(), []
    kind = type("Handler", (Counted,), {"asked": asked, "breaks_after": breaks_after})
    handler = partial(kind, directory=str(source))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked, breaks_after
        server.shutdown()
        thread.join()


def files(root, *, but=()):
    return {
        str(p.relative_to(root)): p.read_bytes()
        for p in root.rglob("*")
        if p.is_file() and p.name not in but
    }


def of_data_set(address, **options):
    credentials = {}
    name = pinned(address, is_data_set=True, credentials=credentials)
    return staged(name, is_data_set=True, credentials=credentials, **options)


def test_a_bucket_comes_whole_and_without_what_is_no_data(bucket, source):
    done = []
    root = of_data_set(bucket, progress=lambda *now: done.append(now))
    assert files(root) == files(source, but={"other.bin"})
    assert done[-1] == (11, 11)


def test_pinning_brings_what_resolving_needs(bucket):
    root = begun(pinned(bucket, is_data_set=True))
    assert (root / "dataset.json").is_file()
    assert (root / "masks" / "val").is_dir()
    assert list(root.glob("images/*/*")) == []


def test_a_web_server_is_listed_by_its_pages(web, source):
    (source / "images" / "train" / "00.png").rename(source / "images" / "train" / "a b#ü.png")
    assert files(of_data_set(web[0])) == files(source, but={"other.bin"})


def sums(source):
    lines = [
        f"{hashlib.sha256(content).hexdigest()}  ./{name}"
        for name, content in files(source, but={"SHA256SUMS"}).items()
    ]
    (source / "SHA256SUMS").write_text("\n".join(lines) + "\n")


def test_a_web_server_with_sums_is_not_listed_and_its_bytes_are_checked(web, source):
    sums(source)
    address, asked, _ = web
    assert files(of_data_set(f"{address}/?key=good")) == files(
        source, but={"other.bin", "SHA256SUMS"}
    )
    assert [path for path in asked if path.split("?")[0].endswith("/")] == []
    (source / "masks/val/00.png").write_bytes(b"changed")
    shutil.rmtree(begun(pinned(f"{address}/?key=good", is_data_set=True)).parent)
    with pytest.raises(DataError, match="masks/val/00.png: is not the file that SHA256SUMS names"):
        of_data_set(f"{address}/?key=good")


def test_what_is_staged_is_not_fetched_again(web):
    address = pinned(web[0], is_data_set=True)
    root = staged(address, is_data_set=True)
    before = sum(web[1].values())
    assert staged(address, is_data_set=True, is_checked=True) == root
    assert sum(web[1].values()) == before


def test_trials_at_once_share_one_staging(web):
    address = pinned(web[0], is_data_set=True)
    with ThreadPoolExecutor(4) as pool:
        roots = set(pool.map(lambda _: staged(address, is_data_set=True), range(4)))
    assert len(roots) == 1
    assert {web[1][path] for path in web[1] if path.endswith(".png")} == {1}


def test_a_staging_that_broke_off_goes_on_where_it_was(web, source, monkeypatch):
    monkeypatch.setattr("segformer.storage.remote.STREAMS", 1)
    monkeypatch.setattr("segformer.storage.staging.STREAMS", 1)
    monkeypatch.setattr("segformer.storage.remote._TRIES", 1)
    address, asked, breaks_after = web
    name = pinned(address, is_data_set=True)
    # SHA256SUMS is asked for, six folders, the server's own dataset.json/ and four pictures.
    asked.clear()
    breaks_after.append(12)
    with pytest.raises(DataError, match="cannot be read"):
        staged(name, is_data_set=True)
    here = set(files(begun(name)))
    assert 2 < len(here) < 11
    breaks_after.clear()
    asked.clear()
    assert files(staged(name, is_data_set=True)) == files(source, but={"other.bin"})
    assert [path for path in here if asked[f"/{path}"]] == []


def test_a_single_break_is_bridged(web, source, monkeypatch):
    monkeypatch.setattr("segformer.storage.remote._PAUSE_S", 0)
    address, asked, breaks_once = web
    name = pinned(address, is_data_set=True)
    breaks_once += [sum(asked.values()) + 3, "once"]
    assert files(staged(name, is_data_set=True)) == files(source, but={"other.bin"})
    assert breaks_once == []


def test_a_damaged_cache_is_mended(bucket, source):
    address = pinned(bucket, is_data_set=True)
    root = staged(address, is_data_set=True)
    damaged = root / "masks/val/00.png"
    damaged.write_bytes(b"\0" * damaged.stat().st_size)
    (root / "images/val/00.png").unlink()
    staged(address, is_data_set=True, is_checked=True)
    assert files(root) == files(source, but={"other.bin"})


def test_data_that_changed_is_other_data_and_not_taken_for_the_same(bucket, s3):
    address = pinned(bucket, is_data_set=True)
    s3.put_object(Bucket=bucket.split("/")[2], Key="set/masks/val/00.png", Body=b"new")
    assert pinned(bucket, is_data_set=True) != address
    with pytest.raises(DataError, match="the files have changed since the data were first used"):
        staged(address, is_data_set=True)


def test_a_single_file_keeps_its_name(s3, bucket, web, source):
    for base in (bucket, web[0]):
        path = staged(f"{base}/other.bin", is_data_set=False)
        assert path.name == "other.bin"
        assert path.read_bytes() == b"x"


def test_a_folder_that_is_no_data_set_comes_whole(bucket, source):
    assert files(staged(f"{bucket}/images", is_data_set=False)) == files(source / "images")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("s3://no-such-bucket/x", "no-such-bucket/x: (holds no images|does not exist)"),
        ("http://127.0.0.1:9/x", "http://127.0.0.1:9/x: cannot be read"),
        ("gs://bucket/x", r"gs:// needs gcsfs; .* pip install 'automl-segformer\[gs\]'"),
        ("http://host/a?hidden-12345678", "was taken for a secret and not kept"),
    ],
)
def test_what_is_not_there_is_told_with_the_way_out(s3, address, words):
    with pytest.raises(DataError, match=words):
        pinned(address, is_data_set=True)


def test_credentials_in_the_address_open_a_bucket_and_are_kept_in_memory_only(
    bucket, source, monkeypatch, cache
):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    credentials = {}
    with_key = bucket.replace("s3://", "s3://AKIAOTHER:s3cr3t%2Fkey@")
    address = pinned(with_key, is_data_set=True, credentials=credentials)
    assert "s3cr3t" not in repr(credentials)
    root = staged(address, is_data_set=True, credentials=credentials)
    assert files(root) == files(source, but={"other.bin"})
    assert address.partition("#")[0] == bucket
    assert [p for p in files(cache) if "s3cr3t" in p or b"s3cr3t" in files(cache)[p]] == []


def test_refused_access_names_no_secret(web, source):
    sums(source)
    with pytest.raises(DataError, match="cannot be read") as caught:
        pinned(f"{web[0]}/?key=bad-s3cr3t", is_data_set=True)
    assert "s3cr3t" not in str(caught.value)


def test_a_name_that_leaves_the_cache_is_refused(web, source):
    (source / "SHA256SUMS").write_text(f"{'0' * 64}  images/../../../evil\n")
    with pytest.raises(
        DataError, match="holds a file 'images/../../../evil', which is not a valid path"
    ):
        pinned(web[0], is_data_set=True)
