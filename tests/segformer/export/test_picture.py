import json
import logging
import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from PIL import Image

from segformer.api import load_model
from segformer.errors import CheckpointError
from segformer.export.infer import Model
from segformer.export.onnx import export
from segformer.export.picture import preparation_graph
from segformer.model.saved import ModelRecord, read_model

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


@pytest.mark.parametrize("sides", [(2, 1), (37, 32), (300, 9), (32, 32), (1013, 777)])
def test_pixels_are_scaled_as_pillow_scales_them(trained, sides):
    """The picture's side, and the model's, in both directions: upwards, downwards and as it is."""
    best = trained.result.artifacts["best"]
    record = read_model(best, otherwise=ModelRecord.of(trained.spec)).record
    width, height = sides
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3, 32, 48])
        for name in ("x", "y")
    ]
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    copy = helper.make_graph(nodes, "copy", ends[:1], ends[1:])
    model = helper.make_model(copy, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    graph = preparation_graph(model, record)
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    (scaled, _) = session.run(None, {"image": pixels})
    expected = Image.fromarray(pixels)
    for size in ((48, height), (48, 32)):
        expected = expected.resize(size, Image.Resampling.BICUBIC)
    scaling = record.segment["augmentation"]
    got = scaled[0].transpose(1, 2, 0) * scaling["std"] + scaling["mean"]
    steps = np.abs(255 * got - np.asarray(expected))
    assert steps.max() < 0.01


def test_the_program_in_cpp_gives_the_mask_of_predict(exported, pictures, tmp_path):
    library = Path(onnxruntime.__file__).parent / "capi"
    found = sorted(library.glob("libonnxruntime.so.*"))
    includes = ["-I/usr/include/onnxruntime", "-I/usr/local/include/onnxruntime"]
    if not found or not _compiles(*includes):
        pytest.skip("needs g++ and ONNX Runtime's headers: set CPLUS_INCLUDE_PATH to their folder")
    for name in ("libonnxruntime.so", "libonnxruntime.so.1"):
        (tmp_path / name).symlink_to(found[0])
    source = Path(__file__).parents[3] / "deploy/segment.cpp"
    subprocess.run(
        ["g++", "-std=c++17", "-Wall", "-Werror", str(source), *includes, f"-L{tmp_path}",
         "-lonnxruntime", f"-Wl,-rpath,{tmp_path}", "-o", str(tmp_path / "segment")],
        check=True,
    )  # fmt: skip
    files = exported()
    for pixels in pictures:
        Image.fromarray(pixels).save(tmp_path / "picture.ppm")
        words = [files["picture"], tmp_path / "picture.ppm", tmp_path / "mask.pgm"]
        subprocess.run([tmp_path / "segment", *words], check=True)
        mask = np.asarray(Image.open(tmp_path / "mask.pgm"))
        assert np.array_equal(mask, Model(files["onnx"]).segment(pixels))
    broken = subprocess.run([tmp_path / "segment", *words[:1], source, "x"], capture_output=True)
    assert broken.returncode == 1 and b"is not a PPM of 8 bits" in broken.stderr


def _compiles(*includes):
    header = ["-include", "onnxruntime_cxx_api.h", *includes, "/dev/null"]
    command = ["g++", "-E", "-x", "c++", *header]
    return shutil.which("g++") and not subprocess.run(command, capture_output=True).returncode


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
