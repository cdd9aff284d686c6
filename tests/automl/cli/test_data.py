import json
from zlib import crc32

import pytest
from layouts import coco, image, split_pairs, unsplit


def test_data_sample_writes_a_set_and_refuses_a_full_folder(automl, tmp_path):
    assert automl("data", "sample", "set", "--skill", "toy", "--seed", 3).returncode == 0
    assert (tmp_path / "set" / "data.txt").read_text() == "3"
    kind = automl("data", "sample", "other", "--skill", "toy", "--kind", "hard")
    assert kind.returncode == 0
    assert (tmp_path / "other" / "data.txt").read_text() == "0 hard"
    result = automl("data", "sample", "set", "--skill", "toy")
    assert result.returncode == 2
    assert "is not empty" in result.stderr


@pytest.fixture
def run(run_in, tmp_path):
    return lambda *words: run_in(tmp_path, "data", *words, "--skill", "segformer")


def test_import_split_and_show_follow_each_other(run, tmp_path):
    coco(tmp_path / "coco")
    unsplit(tmp_path / "folder")
    imported = run("import", "auto", "coco", "target")
    assert imported.returncode == 0, imported.stderr
    assert "COCO: train 2, val 2" in imported.stdout
    split = run("split", "folder", "--val", "25%", "--json")
    assert json.loads(split.stdout)["counts"] == {"train": 3, "val": 1}
    shown = run("show", "target", "--json", "--html", "page.html")
    assert json.loads(shown.stdout)["classes"] == ["background", "car", "road"]
    assert (tmp_path / "page.html").stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["show", ".", "--html", "."], "--html: . is a folder; give the name of a file"),
        (["import", "kitti", ".", "x"], "KIND: 'kitti' is not one of auto, "),
        (["split", "nowhere"], "nowhere: there is no such folder"),
        (["split", "nowhere", "--val", "lots"], "'lots' is not a share; give 15% or 0.15"),
        (["show", "nowhere"], "automl: nowhere: there is no such folder"),
        (["show", "data.zip"], "automl: data.zip: is a file (archive), not a folder; unpack"),
        (["import", "auto", "data.zip", "x"], "data.zip: is a file (archive), not a folder"),
    ],
)
def test_a_mistake_is_one_line(run, tmp_path, words, message):
    (tmp_path / "data.zip").touch()
    result = run(*words)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_strict_data_refuses_copies_and_still_shows_them(run, run_in, tmp_path):
    split_pairs(tmp_path / "set/images/{}", tmp_path / "set/masks/{}")
    image(tmp_path / "set/images/val/c.jpg", seed=crc32(b"a"))
    shown = run("show", "set", "--strict-data", "--json")
    assert shown.returncode == 2
    content = json.loads(shown.stdout)
    assert content["leaks"]["between_splits"] == 1
    assert "--strict-data: a pair of images of different splits" in content["error"]["message"]
    refused = run_in(
        tmp_path, "run", "--skill", "segformer", "--data", "set", "--strict-data", "--dry-run"
    )
    assert refused.returncode == 2
    assert "--strict-data: a pair of images of different splits" in refused.stderr
    image(tmp_path / "set/images/val/c.jpg")
    assert run("show", "set", "--strict-data").returncode == 0


def test_what_cannot_be_used_is_shown_with_exit_code_2(run, tmp_path):
    split_pairs(tmp_path / "set/images/{}", tmp_path / "set/masks/{}")
    (tmp_path / "set/images/train/a.jpg").write_text("no image")
    shown = run("show", "set", "--json")
    assert shown.returncode == 2
    content = json.loads(shown.stdout)
    assert content["splits"]["train"]["images"] == 1
    assert "a.jpg: is not an image" in content["faults"][0]
    assert content["error"]["message"] == content["faults"][0]
    assert (content["error"]["kind"], content["error"]["key"]) == ("bad_data", "DIR")
    assert "automl: set: has 1 fault, listed above" in run("show", "set").stderr


def test_a_skill_that_compares_no_images_refuses_strict_data(run_in, tmp_path, toy_data):
    refused = run_in(tmp_path, "run", "--skill", "toy", "--data", str(toy_data), "--strict-data")
    assert refused.returncode == 2
    assert "--strict-data: toy does not compare the images" in refused.stderr


def test_a_dry_run_writes_no_split(run_in, tmp_path):
    unsplit(tmp_path / "set")
    dry = run_in(tmp_path, "run", "--skill", "segformer", "--data", "set", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "there is no validation split" in dry.stderr
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == ["images", "masks"]


def test_an_experiment_file_names_the_folders_of_the_splits(run_in, tmp_path):
    split_pairs(tmp_path / "photos{}", tmp_path / "labels{}", ("1", "2"))
    paths = "{train: {images: photos1, masks: labels1}, val: {images: photos2, masks: labels2}}"
    (tmp_path / "file.yaml").write_text(f"skill: segformer\ndata: {paths}\n")
    dry = run_in(tmp_path, "run", "file.yaml", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "the folders that dataset.json names (train 2, val 2)" in dry.stderr
    (tmp_path / "file.yaml").write_text("skill: toy\ndata: {train: {}}\n")
    refused = run_in(tmp_path, "run", "file.yaml", "--dry-run")
    assert refused.returncode == 2
    assert "data: toy takes a folder, not paths of splits" in refused.stderr


def test_a_skill_without_these_commands_says_so(run_in, tmp_path):
    result = run_in(tmp_path, "data", "show", ".", "--skill", "toy")
    assert result.returncode == 2
    assert "toy has no commands on data" in result.stderr


def test_a_folder_that_is_not_there_is_named_as_it_was_typed(automl, tmp_path):
    (tmp_path / "my_data").mkdir()
    done = automl("data", "show", "my_dta", "--skill", "toy")
    assert done.returncode == 2
    assert done.stderr == "automl: my_dta: there is no such folder; did you mean my_data?\n"
