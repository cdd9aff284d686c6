"""The skill's verbs and the whole command on data in a bucket."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from pictures import data_set, save

from segformer.errors import DataError, SpecError
from segformer.skill import skill

ROOT = "dataset.segment.root_dir"
SETTINGS = {
    "dataset.segment.img_size": 32,
    "dataset.segment.batch_size": 2,
    "dataset.segment.workers": 0,
    "dataset.segment.label_transform": "None",
    "model.backbone.type": "mit_b0",
    "model.decode_head.decoder_params.embed_dim": 16,
    "train.num_epochs": 1,
}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AUTOML_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def source(tmp_path):
    return data_set(tmp_path / "source")


@pytest.fixture
def bucket(s3, source):
    s3.create_bucket(Bucket="remote")
    for path in source.rglob("*.png"):
        s3.upload_file(str(path), "remote", f"set/{path.relative_to(source)}")
    yield "s3://remote/set"
    for found in s3.list_objects_v2(Bucket="remote")["Contents"]:
        s3.delete_object(Bucket="remote", Key=found["Key"])


def test_the_skill_keeps_the_address_and_reads_what_is_staged(bucket, source):
    spec = skill.resolve("train", {**SETTINGS, ROOT: bucket.replace("//", "//K:s3cr3t@")})
    assert spec["dataset"]["segment"]["root_dir"].startswith(f"{bucket}#files=")
    local = skill.resolve("train", {**SETTINGS, ROOT: str(source)})
    assert skill.check(spec) == skill.check(local)


def test_a_cache_that_was_lost_is_filled_again(bucket, cache):
    spec = skill.resolve("train", {**SETTINGS, ROOT: bucket})
    before = skill.check(spec)
    shutil.rmtree(cache)
    assert skill.check(spec) == before


def test_faults_of_remote_data_name_their_address(bucket, s3, tmp_path):
    wrong = save(tmp_path / "wrong.png", [[9] * 10] * 8)
    s3.upload_file(str(wrong), "remote", "set/masks/val/00.png")
    spec = skill.resolve("train", {**SETTINGS, ROOT: bucket})
    with pytest.raises(DataError, match="^s3://remote/set/masks/val/00.png: value 9 is beyond"):
        skill.check(spec)


@pytest.mark.parametrize("key", ["results_dir", "train.results_dir"])
def test_what_is_written_must_be_local(bucket, key):
    with pytest.raises(SpecError, match=f"{key}: must be a local path, not s3://b/x") as caught:
        skill.resolve("train", {ROOT: bucket, key: "s3://K:s3cr3t@b/x"})
    assert "s3cr3t" not in str(caught.value)


def test_a_checkpoint_may_be_remote_too(bucket, s3, source, tmp_path):
    trained = skill.run("train", skill.resolve("train", {**SETTINGS, ROOT: bucket}), tmp_path / "t")
    s3.upload_file(str(trained.artifacts["best"]), "remote", "models/best.ckpt")
    given = {**SETTINGS, "evaluate.split": "validation"}
    there = {ROOT: bucket, "evaluate.checkpoint": "s3://remote/models/best.ckpt"}
    here = {ROOT: str(source), "evaluate.checkpoint": str(trained.artifacts["best"])}
    results = [
        skill.run("evaluate", skill.resolve("evaluate", {**given, **files}), tmp_path / str(i))
        for i, files in enumerate((there, here))
    ]
    assert results[0].metrics == results[1].metrics


def words_of(tmp_path, address):
    command = ["run", "--skill", "segformer", "--data", address, "--out", str(tmp_path / "runs/x")]
    settings = [f"{key}={value}" for key, value in SETTINGS.items() if "epochs" not in key]
    return [*command, "--trials", "2", "--epochs", "1", "--concurrency", "1", *settings]


def written_with(secrets, tmp_path):
    """Return the files below a folder that hold one of the secrets."""
    return [
        path
        for path in tmp_path.rglob("*")
        if path.is_file() and any(s.encode() in path.read_bytes() for s in secrets)
    ]


@pytest.fixture
def ray_logs(monkeypatch):
    """Return the folder of Ray's own logs: its path must be short, for there are sockets below."""
    with tempfile.TemporaryDirectory(prefix="r") as folder:
        monkeypatch.setenv("RAY_TMPDIR", folder)
        yield Path(folder)


@pytest.mark.slow
def test_a_search_on_a_bucket_writes_no_credentials_anywhere(bucket, tmp_path, automl, ray_logs):
    secrets = ["AKIAINADDRESS", "s3cr3t", os.environ["AWS_SECRET_ACCESS_KEY"]]
    address = bucket.replace("//", "//AKIAINADDRESS:s3cr3t%2Fx@")
    done = automl(*words_of(tmp_path, address))
    assert done.returncode == 0, done.stderr
    assert [s for s in secrets if s in done.stdout + done.stderr] == []
    assert (tmp_path / "runs/mlflow.db").is_file()
    assert f"{bucket}#files=" in (tmp_path / "runs/x/settings.yaml").read_text()
    assert "s3://***@remote/set" in (tmp_path / "runs/x/settings.yaml").read_text()
    assert len(list((tmp_path / "runs/x/trials").iterdir())) == 2
    assert written_with(secrets, tmp_path) == []
    # Ray's own folder is removed with it, a moment after the run; what is left holds no secret.
    assert written_with(secrets, ray_logs) == []


def test_a_fault_of_a_run_tells_no_credentials(s3, tmp_path, automl):
    for address in ("s3://AKIAINADDRESS:s3cr3t@nowhere/x", "ftp://me:s3cr3t@host/x"):
        failed = automl(*words_of(tmp_path, address), f"{ROOT}=s3://K:s3cr3t@b/c")
        assert failed.returncode == 2
        assert "disagree" in failed.stderr
        failed = automl(*words_of(tmp_path, address))
        assert failed.returncode == 2
        assert "s3cr3t" not in failed.stderr
        assert "Traceback" not in failed.stderr
        assert not (tmp_path / "runs").exists()
