import pytest
import yaml

from segformer.cli import main
from segformer.evaluation.inference import infer
from segformer.quantization.quantize import quantize

KEYS = {
    "evaluate": "evaluate.checkpoint",
    "inference": "inference.checkpoint",
    "quantize": "quantize.model_path",
}


@pytest.mark.parametrize("action", KEYS)
def test_a_size_given_as_a_word_that_is_not_the_models_is_refused(
    action, tiny_data, onnx_file, tmp_path, capsys
):
    words = [f"root_dir={tiny_data}", f"{KEYS[action]}={onnx_file}", f"results_dir={tmp_path}"]
    assert main([action, *words, "num_classes=3", "img_size=64"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "dataset.segment.img_size: value 64" in line
    assert "was trained at 32" in line
    assert not list(tmp_path.iterdir())


def test_a_size_in_a_file_is_not_refused(tiny_data, onnx_file, tmp_path):
    file = tmp_path / "spec.yaml"
    file.write_text("dataset: {segment: {img_size: 256, num_classes: 3, label_transform: None}}")
    words = [f"inference.images_dir={tiny_data}/images/val", f"inference.checkpoint={onnx_file}"]
    assert main(["inference", "-e", str(file), *words, f"results_dir={tmp_path}"]) == 0
    assert size_in(tmp_path / "inference") == 32


def test_the_size_that_is_written_is_the_size_that_was_used(tiny_spec, onnx_file, tmp_path):
    files = dict.fromkeys(KEYS.values(), str(onnx_file)) | {"evaluate.checkpoint": ""}
    other = {"dataset.segment.img_size": 64, "dataset.segment.predict_split": "val"}
    spec = tiny_spec(**files, **other, **{"quantize.max_miou_drop": 1.0})
    for action, folder in ((infer, tmp_path / "masks"), (quantize, tmp_path / "int8")):
        folder.mkdir()
        action(spec, folder)
        assert size_in(folder) == 32


def size_in(folder):
    spec = yaml.safe_load((folder / "experiment.yaml").read_text())
    return spec["dataset"]["segment"]["img_size"]
