import io
import os
import signal
import socket
import threading
import time
import urllib.request
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from automl.cli import main
from segformer.api import load_model
from segformer.errors import DataError
from segformer.evaluation.served import SegmentationModel


@pytest.fixture(scope="module")
def model(onnx_file):
    return SegmentationModel(onnx_file)


def test_masks_of_a_batch_are_those_of_single_predictions(model, onnx_file, tiny_data):
    files = sorted((tiny_data / "images/val").iterdir())
    single = load_model(onnx_file)
    answers = model.predict([file.read_bytes() for file in files])
    for file, answer in zip(files, answers, strict=True):
        mask = np.asarray(Image.open(io.BytesIO(answer.mask())))
        assert np.array_equal(mask, single.segment(file))
        shown = np.asarray(Image.open(io.BytesIO(answer.overlay())))
        assert np.array_equal(shown, np.asarray(single.overlay(file)))


def test_shares_of_the_classes_add_up(model, tiny_data):
    (answer,) = model.predict([(tiny_data / "images/val/0.png").read_bytes()])
    content = answer.to_dict()
    assert (content["width"], content["height"]) == (40, 36)
    assert [c["name"] for c in content["classes"]] == model.facts()["classes"]
    assert sum(c["share"] for c in content["classes"]) == pytest.approx(1)


def test_a_file_that_is_no_picture_costs_the_others_nothing(model, tiny_data):
    picture = (tiny_data / "images/val/0.png").read_bytes()
    bad, good = model.predict([b"no picture", picture])
    assert isinstance(bad, DataError) and str(bad).startswith("the picture: ")
    assert good.to_dict()["width"] == 40


def test_automl_serve_answers_with_the_masks_of_a_model_file(onnx_file, tiny_data, capsys):
    picture = tiny_data / "images/val/0.png"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    answers = []

    def ask():
        # As a user does: Ctrl-C once the picture is answered.
        try:
            answers.append(answered(f"http://127.0.0.1:{port}/predict", picture.read_bytes()))
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=ask).start()
    code = main(["serve", str(onnx_file), "--skill", "segformer", "--port", str(port)])
    assert code == 130
    assert f"serving {onnx_file} on http://127.0.0.1:{port} " in capsys.readouterr().out
    mask = np.asarray(Image.open(io.BytesIO(answers[0])))
    assert np.array_equal(mask, load_model(onnx_file).segment(picture))


def answered(address, content):
    """Return what a service answers, which may still be starting."""
    for _ in range(300):
        with suppress(ConnectionRefusedError, urllib.request.URLError):
            return urllib.request.urlopen(address, content, timeout=30).read()
        time.sleep(0.1)
    raise AssertionError(f"{address}: no answer")
