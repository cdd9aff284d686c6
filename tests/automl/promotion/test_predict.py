"""Predictions by a command skill that lists the images that it is given."""

import json
import sys
import tempfile

import pytest
import yaml

from automl.errors import RunFailed, UsageError
from automl.promotion.predict import predict

PROGRAM = """
import json, pathlib, sys, yaml
spec = yaml.safe_load(open(sys.argv[1]))
names = sorted(map(str, pathlib.Path(spec["inference"]["images"]).iterdir()))
bad = [name for name in names if "bad" in name]
if bad:
    sys.exit(f"ValueError: {bad[0]} is no image")
if not any(name.endswith(".png") for name in names):
    sys.exit(f"ValueError: {spec['inference']['images']} holds no images")
rows = [{"image": name, "bytes": len(open(name).read())} for name in names]
pathlib.Path(spec["results_dir"], "results.json").write_text(json.dumps({"images": rows}))
"""


@pytest.fixture
def skill(tmp_path):
    folder = tmp_path / "skill"
    for name in ("references", "schemas"):
        (folder / name).mkdir(parents=True)
    (folder / "list.py").write_text(PROGRAM)
    info = {
        "name": "lister", "automl_enabled": False, "images_key": "inference.images",
        "actions": {"inference": {
            "command": f"{sys.executable} {{skill_dir}}/list.py {{config_path}}",
            "config_format": "yaml", "mode": "config",
        }},
        "spec_params": {
            "inference": {"results_dir": "output_dir", "inference.model": "parent_model"}
        },
    }  # fmt: skip
    (folder / "references" / "skill_info.yaml").write_text(yaml.safe_dump(info))
    (folder / "references" / "spec_template_inference.yaml").write_text("{}\n")
    return str(folder)


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.png").write_text("aa")
    (folder / "b.png").write_text("b")
    (tmp_path / "model.onnx").touch()
    return folder


def test_the_results_name_the_users_files(skill, images, tmp_path):
    predict(skill, tmp_path / "model.onnx", [images], tmp_path / "out", {})
    rows = json.loads((tmp_path / "out" / "results.json").read_text())["images"]
    assert rows == [
        {"image": str(images / "a.png"), "bytes": 2}, {"image": str(images / "b.png"), "bytes": 1},
    ]  # fmt: skip


def test_two_files_of_one_name_are_refused(skill, images, tmp_path):
    (tmp_path / "a.jpg").touch()
    with pytest.raises(UsageError, match=r"a\.png: their results would have the same name"):
        predict(skill, tmp_path / "model.onnx", [images, tmp_path / "a.jpg"], tmp_path / "out", {})


@pytest.mark.parametrize(
    ("model", "image", "out", "match"),
    [("gone.onnx", "photos", "out", r"gone\.onnx: no such model"),
     ("model.onnx", "gone", "out", "gone: no such image or folder"),
     ("model.onnx", "photos", "photos", "--out: .*photos is not empty; choose a new folder")],
)  # fmt: skip
def test_what_is_missing_or_in_the_way_is_named(skill, images, tmp_path, model, image, out, match):
    with pytest.raises(UsageError, match=match):
        predict(skill, tmp_path / model, [tmp_path / image], tmp_path / out, {})


def test_a_skill_without_inference_is_refused(images, tmp_path):
    with pytest.raises(UsageError, match="toy: its skill_info.yaml names no images_key"):
        predict("toy", tmp_path / "model.onnx", [images], tmp_path / "out", {})


def test_a_fault_of_all_files_names_what_the_user_gave(skill, images, tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(RunFailed, match=r"ValueError: .*notes\.txt holds no images") as caught:
        predict(skill, images.parent / "model.onnx", [tmp_path / "notes.txt"], tmp_path / "out", {})
    assert tempfile.gettempdir() not in str(caught.value).replace(str(tmp_path), "")
