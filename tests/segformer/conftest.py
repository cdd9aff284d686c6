"""Fixtures for what trains: a tiny data set of three classes, specs on it, one finished run."""

import os
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from tiny import TINY

# One thread is faster for tensors this small, and other tests may run beside.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory):
    """Return a data set of 5 + 3 images of 40 x 36: a square left, a square right, on a ground."""
    folder, draw = tmp_path_factory.mktemp("tiny"), np.random.default_rng(0)
    for split, count in (("train", 5), ("val", 3)):
        (folder / "images" / split).mkdir(parents=True)
        (folder / "masks" / split).mkdir(parents=True)
        for index in range(count):
            mask = np.zeros((36, 40), np.uint8)
            y = int(draw.integers(2, 14))
            mask[y : y + 16, 2:16], mask[y : y + 12, 22:36] = 1, 2
            image = mask[..., None] * [60, 90, 20] + draw.integers(0, 60, (36, 40, 3))
            Image.fromarray(image.astype(np.uint8)).save(folder / f"images/{split}/{index}.png")
            Image.fromarray(mask).save(folder / f"masks/{split}/{index}.png")
    return folder


@pytest.fixture(scope="session")
def tiny_spec(tiny_data):
    """Return a function from overrides, by dotted key, to a spec on the tiny data."""
    from segformer.spec import parse
    from segformer.spec.overrides import nested

    def make(**overrides):
        return parse(nested({**TINY, "dataset.segment.root_dir": str(tiny_data), **overrides}))

    return make


def _trained(spec, folder):
    """Return spec, folder, result and reports of one training of two epochs."""
    from segformer.training.loop import train

    reports = []
    result = train(spec, folder, lambda *heard: reports.append(heard) or "continue")
    return SimpleNamespace(spec=spec, folder=folder, result=result, reports=reports)


@pytest.fixture(scope="session")
def trained(tiny_spec, tmp_path_factory):
    return _trained(tiny_spec(), tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="session")
def shallow_trained(tiny_spec, tmp_path_factory):
    """Return the same of a network of one block a stage."""
    from networks import shallow

    with shallow():
        return _trained(tiny_spec(), tmp_path_factory.mktemp("shallow"))


@pytest.fixture(scope="session")
def s3_server():
    """Return the address of a real S3 server, moto's, on loopback."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_server, monkeypatch):
    """Return a client of the S3 server, to which this process's environment points."""
    import boto3

    for name, value in (
        ("AWS_ENDPOINT_URL", s3_server),
        ("AWS_ACCESS_KEY_ID", "AKIAPROJECTTEST"),
        ("AWS_SECRET_ACCESS_KEY", "s3cr3tValueOfTheTests"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    return boto3.client("s3")


def _exported(trained, tiny_spec, folder):
    """Return a trained model, exported to ONNX at the size of its images."""
    from segformer.export.onnx import export

    spec = tiny_spec(**{"export.checkpoint": str(trained.result.artifacts["best"])})
    return export(spec, folder).artifacts["onnx"]


@pytest.fixture(scope="session")
def onnx_file(tiny_spec, trained, tmp_path_factory):
    return _exported(trained, tiny_spec, tmp_path_factory.mktemp("export"))


@pytest.fixture(scope="session")
def shallow_onnx_file(tiny_spec, shallow_trained, tmp_path_factory):
    from networks import shallow

    with shallow():
        return _exported(shallow_trained, tiny_spec, tmp_path_factory.mktemp("export"))
