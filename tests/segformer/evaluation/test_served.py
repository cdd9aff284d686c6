import io

import numpy as np
import pytest
from PIL import Image

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
