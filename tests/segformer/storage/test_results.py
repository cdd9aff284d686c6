import json

import pytest

from segformer.cli import main
from segformer.errors import DataError, SpecError
from segformer.storage.results import ResultsMirror

ADDRESS = "s3://results/run"


@pytest.fixture
def bucket(s3, tmp_path, monkeypatch):
    """Return a function that lists the bucket `results`, which is new; the cache is empty."""
    s3.create_bucket(Bucket="results")
    monkeypatch.setenv("AUTOML_CACHE", str(tmp_path / "cache"))
    yield lambda: {
        entry["Key"] for entry in s3.list_objects_v2(Bucket="results").get("Contents", [])
    }
    for entry in s3.list_objects_v2(Bucket="results").get("Contents", []):
        s3.delete_object(Bucket="results", Key=entry["Key"])
    s3.delete_bucket(Bucket="results")


def write(**files):
    """Write files into the mirror and upload them."""
    with ResultsMirror(ADDRESS, key="results_dir").mirrored() as folder:
        for name, text in files.items():
            (folder / "sub").mkdir(exist_ok=True)
            (folder / "sub" / name).write_text(text)
    return folder / "sub"


def test_what_an_action_leaves_is_uploaded_and_what_it_removes_is_removed(bucket):
    write(a="1", b="2")
    assert bucket() == {"run/sub/a", "run/sub/b"}
    with ResultsMirror(ADDRESS, key="results_dir").mirrored() as folder:
        (folder / "sub/a").unlink()
    assert bucket() == {"run/sub/b"}


def test_results_are_uploaded_after_an_error_too(bucket):
    mirror = ResultsMirror(ADDRESS, key="results_dir")
    with pytest.raises(KeyboardInterrupt), mirror.mirrored() as folder:
        (folder / "status.json").write_text("{}")
        raise KeyboardInterrupt
    assert bucket() == {"run/status.json"}


def test_another_machine_begins_with_what_is_there(bucket, s3, tmp_path, monkeypatch):
    write(a="1")
    monkeypatch.setenv("AUTOML_CACHE", str(tmp_path / "other"))
    assert (write(b="2") / "a").read_text() == "1"
    monkeypatch.setenv("AUTOML_CACHE", str(tmp_path / "cache"))
    assert (write() / "b").read_text() == "2"
    s3.delete_object(Bucket="results", Key="run/sub/a")
    assert not (write() / "a").exists()


def test_what_a_killed_action_left_is_uploaded_by_the_next(bucket):
    folder = write(a="1")
    (folder / "a").write_text("of the killed")
    write()
    assert (folder / "a").read_text() == "of the killed"
    assert bucket() == {"run/sub/a"}


def test_nothing_is_uploaded_twice(bucket, s3):
    def times():
        entries = s3.list_objects_v2(Bucket="results")["Contents"]
        return {entry["Key"]: entry["LastModified"] for entry in entries}

    write(a="1")
    before = times()
    write(b="2")
    assert times()["run/sub/a"] == before["run/sub/a"]


def test_an_address_that_cannot_be_written_is_refused(bucket):
    with pytest.raises(SpecError, match="results_dir: https://host/x cannot be written to; give a"):
        ResultsMirror("https://host/x", key="results_dir")
    with (
        pytest.raises(DataError, match="s3://no-such-bucket/x"),
        ResultsMirror("s3://no-such-bucket/x", key="results_dir").mirrored(),
    ):
        pass


@pytest.mark.slow
def test_actions_chain_through_addresses(bucket, tiny_data, tmp_path, capsys):
    data = f"dataset.segment.root_dir={tiny_data}"
    small = ["model.backbone.type=mit_b0", "model.decode_head.decoder_params.embed_dim=16"]
    words = [data, "results_dir=s3://results/chain", "--json", *small, "img_size=32"]
    classes = ["dataset.segment.num_classes=3", "dataset.segment.label_transform=None"]
    assert main(["train", *words, *classes, "num_epochs=1", "num_workers=0"]) == 0
    best = json.loads(capsys.readouterr().out)["artifacts"]["best"]
    assert best == "s3://results/chain/train/checkpoints/best.ckpt"
    assert main(["export", *words, f"export.checkpoint={best}"]) == 0
    model = json.loads(capsys.readouterr().out)["artifacts"]["onnx"]
    names = [address.removeprefix("s3://results/") for address in (best, model)]
    assert {*names, "chain/train/status.json"} <= bucket()
    assert main(["export", *words, f"export.checkpoint={best}"]) == 2
    assert "model.onnx exists already" in capsys.readouterr().err
