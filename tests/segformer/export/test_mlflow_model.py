import base64
import warnings
from importlib.metadata import version
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from segformer.export.infer import Model
from segformer.export.onnx import export


@pytest.fixture(scope="module")
def folder(tiny_spec, trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    export(tiny_spec(**{"export.checkpoint": str(trained.result.artifacts["best"])}), folder)
    return folder


@pytest.fixture
def picture(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


@pytest.fixture
def segmenter(folder):
    with warnings.catch_warnings():  # MLflow's own, while it is imported.
        warnings.simplefilter("ignore")
        from segformer.export.mlflow_model import Segmenter
    artifacts = {"model": str(folder / "model.onnx"), "infer": str(folder / "infer.py")}
    segmenter = Segmenter()
    segmenter.load_context(SimpleNamespace(artifacts=artifacts))
    return segmenter


def test_a_picture_of_any_form_gives_the_mask_of_infer(folder, segmenter, picture):
    content, pixels = picture.read_bytes(), np.asarray(Image.open(picture))
    text = base64.b64encode(content).decode()
    mask = Model(folder / "model.onnx").segment(picture)
    tables = [pd.DataFrame({"image": [one]}) for one in (text, content, pixels)]
    for given in (str(picture), content, text, pixels, [pixels], pixels[None], *tables):
        (result,) = segmenter.predict(None, given)
        assert np.array_equal(result["mask"], mask)
    assert result["names"] == {0: "ground", 1: "left part", 2: "right part"}
    assert sum(result["shares"].values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("given", "message"),
    [("no/such.png", "neither a file nor base64"), (np.zeros((4, 4)), r"\(4, 4\): must be HxWx3")],
)
def test_what_is_no_picture_is_refused_in_its_words(segmenter, given, message):
    with pytest.raises(ValueError, match=message):
        segmenter.predict(None, [given])


@pytest.mark.filterwarnings("ignore")  # MLflow's own.
def test_the_context_of_a_container_holds_the_model_and_what_it_requires(folder, picture, tmp_path):
    import mlflow
    from mlflow.models.cli import commands

    from automl.tracking.mlflow_registry import package_of

    package = package_of(folder / "mlflow_model.py", folder / "model.onnx")
    mlflow.pyfunc.save_model(tmp_path / "saved", **package)
    words = ["generate-dockerfile", "-m", str(tmp_path / "saved"), "-d", str(tmp_path / "context")]
    commands(words, standalone_mode=False)
    dockerfile = (tmp_path / "context/Dockerfile").read_text()
    assert f"pip install mlflow=={version('mlflow')}" in dockerfile
    (source,) = [line.split()[1] for line in dockerfile.splitlines() if line.startswith("COPY")]
    copied = tmp_path / "context" / source
    required = (copied / "requirements.txt").read_text().split()
    assert f"onnxruntime=={version('onnxruntime')}" in required
    (result,) = mlflow.pyfunc.load_model(str(copied)).predict([str(picture)])
    assert np.array_equal(result["mask"], Model(folder / "model.onnx").segment(picture))
