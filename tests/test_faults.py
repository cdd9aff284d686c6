"""Every fault that a user can make with data or settings: one clear line, exit 2, nothing left."""

import shutil

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def data(tmp_path):
    """Return a small right data set of three classes without dataset.json."""
    draw = np.random.default_rng(0)
    for split, count in (("train", 3), ("val", 2)):
        for number in range(count):
            for kind, shape in (("images", (40, 48, 3)), ("masks", (40, 48))):
                folder = tmp_path / "data" / kind / split
                folder.mkdir(parents=True, exist_ok=True)
                pixels = draw.integers(0, 255 if kind == "images" else 3, shape, dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"p{number}.png")
    return tmp_path / "data"


RIGHT = ("dataset.segment.num_classes=3", "dataset.segment.label_transform=None")


@pytest.fixture
def run(automl):
    """Return a function that searches on data/ into exp/."""

    def run(*words, data="data", skill="segformer"):
        command = ["run", "--skill", skill, "--data", data, "--out", "exp", "--tracker", "none"]
        return automl(*command, *words, timeout=60)

    return run


def missing_masks(data):
    shutil.rmtree(data / "masks")


def empty_masks(data):
    for mask in (data / "masks" / "train").iterdir():
        mask.unlink()


def lonely_stem(data):
    (data / "masks" / "train" / "p1.png").rename(data / "masks" / "train" / "q1.png")


def other_size(data):
    Image.new("L", (48, 39)).save(data / "masks" / "val" / "p0.png")


def cut_image(data):
    path = data / "images" / "train" / "p2.png"
    path.write_bytes(path.read_bytes()[:900])


@pytest.mark.parametrize(
    ("harm", "texts"),
    [
        (missing_masks, ["masks"]),
        (empty_masks, ["masks/train"]),
        (lonely_stem, ["p1.png", "q1.png"]),
        (other_size, ["masks/val/p0.png", "48x39", "48x40"]),
        (cut_image, ["images/train/p2.png"]),
    ],
)
def test_a_fault_of_the_data_names_its_files(data, tmp_path, run, harm, texts):
    harm(data)
    result = run(*RIGHT)
    assert result.returncode == 2, result.stderr
    assert [text for text in texts if text not in result.stderr] == []
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "exp").exists()


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        (["label_transform=None"], ["label_transform: unknown key", "dataset.segment."]),
        (["dataset.segment.num_classes=2", RIGHT[1]], ["masks/", ".png", "value 2", "num_classes"]),
        ([*RIGHT, "train.optim.lrr=1"], ["train.optim.lrr", "did you mean train.optim.lr?"]),
        ([*RIGHT, "train.optim.lr=-1"], ["train.optim.lr: -1 is not allowed", "(0, inf]"]),
        ([*RIGHT, "train.optim.weight_decay=2"], ["[0, 1]", "the default is 0.01"]),
        ([*RIGHT, "model.backbone.type=mit_b9"], ["'mit_b9'", "mit_b0, mit_b1"]),
        ([*RIGHT, "--epochs", "2", "train.validation_interval=3"], ["validation_interval", "3"]),
        ([*RIGHT, "--epochs", "2", "train.checkpoint_interval=3"], ["checkpoint_interval", "3"]),
        ([*RIGHT, "train.resume_training_checkpoint_path=x"], ["cannot be set here"]),
    ],
)
def test_a_fault_of_the_settings_says_what_is_allowed(data, tmp_path, run, words, texts):
    result = run(*words)
    assert result.returncode == 2, result.stderr
    assert [text for text in texts if text not in result.stderr] == []
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "exp").exists()


def test_a_missing_folder_and_an_unknown_skill_are_told(run):
    missing = run(*RIGHT, data="nowhere")
    assert missing.returncode == 2
    assert "nowhere" in missing.stderr
    unknown = run(skill="segfomer")
    assert unknown.returncode == 2
    assert "did you mean segformer?" in unknown.stderr


def test_all_faults_of_the_data_are_told_at_once(data, run):
    lonely_stem(data)
    other_size(data)
    cut_image(data)
    told = run(*RIGHT).stderr
    assert [text for text in ("p1.png", "q1.png", "val/p0.png", "p2.png") if text not in told] == []
