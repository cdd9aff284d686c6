import json
import logging

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

from segformer.api import load_model
from segformer.errors import CheckpointError
from segformer.export.infer import Model
from segformer.export.onnx import export

SIZES = [(32, 32), (40, 36), (31, 60), (20, 13), (64, 48)]


@pytest.fixture(scope="module")
def pictures():
    """RGB pictures of several sizes, also smaller and much larger than the training's 32 px."""
    draw = np.random.default_rng(3)
    coarse = Image.fromarray(draw.integers(0, 256, (8, 8, 3), np.uint8))
    return [np.asarray(coarse.resize(size, Image.Resampling.BILINEAR)) for size in SIZES]


@pytest.fixture
def exported(tiny_spec, trained, tmp_path):
    def exported(**settings):
        values = {f"export.{key}": value for key, value in settings.items()}
        best = str(trained.result.artifacts["best"])
        return export(tiny_spec(**values, **{"export.checkpoint": best}), tmp_path / "x").artifacts

    return exported


@pytest.mark.parametrize("opset", [17, 20])
def test_a_picture_of_any_size_gives_the_mask_of_predict(exported, pictures, opset):
    files = exported(opset_version=opset)
    session, alone = onnxruntime.InferenceSession(files["picture"]), Model(files["onnx"])
    for pixels in pictures:
        (mask,) = session.run(None, {"image": pixels})
        assert mask.dtype == np.uint8 and np.array_equal(mask, alone.segment(pixels))


def test_the_probabilities_are_a_second_output_on_request(exported, pictures):
    session = onnxruntime.InferenceSession(exported(with_probabilities=True)["picture"])
    mask, probabilities = session.run(["mask", "probabilities"], {"image": pictures[1]})
    assert probabilities.shape == (3, *mask.shape)
    assert np.allclose(probabilities.sum(0), 1) and np.array_equal(probabilities.argmax(0), mask)


def test_the_metadata_name_the_classes_and_hold_the_record(exported):
    files = exported()
    plain, picture = (onnx.load(files[name]).metadata_props for name in ("onnx", "picture"))
    entries = {entry.key: entry.value for entry in picture}
    assert json.loads(entries["names"]) == {"0": "ground", "1": "left part", "2": "right part"}
    assert [e.value for e in plain if e.key == "segformer"] == [entries["segformer"]]


@pytest.mark.parametrize(
    ("settings", "advice"),
    [({"input_channel": 1}, "input_channel=3"), ({"batch_size": 2}, "batch_size=-1")],
)
def test_a_model_that_takes_no_picture_says_how_it_would(exported, caplog, settings, advice):
    with caplog.at_level(logging.WARNING):
        assert "picture" not in exported(**settings)
    assert "model_picture.onnx is not written: a model of " in caplog.text
    assert advice in caplog.text


def test_without_preprocessing_only_the_plain_model_is_written(exported):
    assert "picture" not in exported(with_preprocessing=False)


def test_it_is_refused_where_the_plain_model_is_meant(exported):
    with pytest.raises(CheckpointError, match="takes image, whole pictures; give the plain model"):
        load_model(exported()["picture"])
