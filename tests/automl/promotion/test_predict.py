"""Predictions by a command skill that lists the images that it is given."""

import json
import sys
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from automl.errors import RunFailed, UsageError
from automl.promotion.predict import predict
from automl.skill.command.config_file import FORMATS

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
half = [name for name in names if "half" in name]
if half:
    sys.exit(f"ValueError: {half[0]} ends early; the others are done")
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


def test_they_do_so_where_an_image_fails(skill, images, tmp_path):
    (images / "half.png").touch()
    with pytest.raises(RunFailed, match=rf"{images}/half.png ends early"):
        predict(skill, tmp_path / "model.onnx", [images], tmp_path / "out", {})
    assert str(images / "a.png") in images_of(tmp_path / "out")


def images_of(folder):
    return [row["image"] for row in json.loads((folder / "results.json").read_text())["images"]]


def test_two_files_of_one_name_keep_their_own_results(skill, images, tmp_path, caplog):
    (tmp_path / "a.jpg").write_text("x")
    given = [images, tmp_path / "a.jpg"]
    predict(skill, tmp_path / "model.onnx", given, tmp_path / "out", {})
    assert set(images_of(tmp_path / "out")) == {
        str(path) for path in (images / "a.png", images / "b.png", tmp_path / "a.jpg")
    }
    assert "a.jpg: its results are named a_2; " in caplog.text


def test_a_pattern_is_expanded(skill, images, tmp_path):
    predict(skill, tmp_path / "model.onnx", [f"{images}/[b-z].p*"], tmp_path / "out", {})
    assert images_of(tmp_path / "out") == [str(images / "b.png")]


@pytest.fixture
def server(images):
    """Serve the folder of images; yield its address."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(images))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_a_url_is_fetched_and_named_in_the_results(skill, images, tmp_path, server):
    given = [f"{server}/a.png?size=1", images / "b.png"]
    predict(skill, tmp_path / "model.onnx", given, tmp_path / "out", {})
    assert images_of(tmp_path / "out") == [given[0], str(given[1])]


def test_all_images_that_cannot_be_had_are_named(skill, images, tmp_path, server):
    given = [f"{server}/no.png", "s3://bucket/a.png", f"{images}/*.gif", tmp_path / "gone"]
    with pytest.raises(UsageError) as caught:
        predict(skill, tmp_path / "model.onnx", given, tmp_path / "out", {})
    assert [fault.partition(": ")[2][:24] for fault in map(str, caught.value.faults)] == [
        "cannot be fetched (HTTP ", "give a URL that begins w", "matches no file",
        "no such image or folder",
    ]  # fmt: skip
    named = [(fault.key, fault.value) for fault in caught.value.faults]
    assert named == [("images", str(each)) for each in given]


@pytest.mark.parametrize(
    ("model", "image", "out", "key", "match"),
    [("gone.onnx", "photos", "out", "model", r"gone\.onnx: no such model"),
     ("model.onnx", "gone", "out", "images", "gone: no such image or folder"),
     ("model.onnx", "photos", "photos", "--out", "--out: .*photos is not empty; choose a new")],
)  # fmt: skip
def test_what_is_missing_or_in_the_way_is_named(
    skill, images, tmp_path, model, image, out, key, match
):
    with pytest.raises(UsageError, match=match) as caught:
        predict(skill, tmp_path / model, [tmp_path / image], tmp_path / out, {})
    assert caught.value.faults[0].key == key


@pytest.mark.parametrize("kind", FORMATS)
def test_the_folder_of_a_prediction_that_failed_at_once_is_taken_again(
    skill, images, tmp_path, kind
):
    model, out = tmp_path / "model.onnx", tmp_path / "out"
    (tmp_path / "notes.txt").touch()
    info = Path(skill, "references", "skill_info.yaml")
    plain = info.read_text()
    info.write_text(plain.replace("config_format: yaml", f"config_format: {kind}"))
    with pytest.raises(RunFailed):
        predict(skill, model, [tmp_path / "notes.txt"], out, {})
    assert {path.name for path in out.iterdir()} == {f"config.{kind}", "log.txt"}
    info.write_text(plain)
    predict(skill, model, [images], out, {})
    assert len(images_of(out)) == 2
    with pytest.raises(UsageError, match="is not empty"):
        predict(skill, model, [images], out, {})


def test_a_skill_without_inference_is_refused(images, tmp_path):
    with pytest.raises(UsageError, match="toy: its skill_info.yaml names no images_key"):
        predict("toy", tmp_path / "model.onnx", [images], tmp_path / "out", {})


def test_a_fault_of_all_files_names_what_the_user_gave(skill, images, tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(RunFailed, match=r"ValueError: .*notes\.txt holds no images") as caught:
        predict(skill, images.parent / "model.onnx", [tmp_path / "notes.txt"], tmp_path / "out", {})
    assert tempfile.gettempdir() not in str(caught.value).replace(str(tmp_path), "")


def test_probabilities_of_a_skill_that_writes_none_are_refused(skill, images, tmp_path):
    given = (skill, tmp_path / "model.onnx", [images], tmp_path / "out", {})
    with pytest.raises(UsageError, match="--probabilities: lister writes none of its predictions"):
        predict(*given, with_probabilities=True)
