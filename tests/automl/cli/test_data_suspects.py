import csv
import json

import pytest
from layouts import unsplit

SMALL = (
    "dataset.segment.img_size=32", "dataset.segment.batch_size=2", "dataset.segment.workers=0",
    "model.backbone.type=mit_b0", "model.decode_head.decoder_params.embed_dim=16",
)  # fmt: skip


@pytest.fixture(scope="module")
def experiment(run_in, tmp_path_factory):
    """Return a promoted experiment on a folder of images and masks without splits."""
    folder = tmp_path_factory.mktemp("suspects")
    unsplit(folder / "set")
    done = run_in(
        folder, "run", "--skill", "segformer", "--data", "set", "--policy", "off", "--epochs", 1,
        "--runner", "local", "--tracker", "none", "--out", "exp", "--quiet", *SMALL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "exp"


def test_the_report_has_the_data_right_after_the_summary(experiment):
    assert (experiment / "promoted/model.onnx").is_file()
    assert (experiment.parent / "set/split.json").is_file()
    page = (experiment / "report.html").read_text()
    sections = [part.split('"')[0] for part in page.split('<section id="')[1:]]
    assert sections[:2] == ["summary", "data"]
    assert "What the model sees" in page


def test_masks_of_validation_are_ranked_by_the_best_model(run_in, experiment):
    done = run_in(experiment.parent, "data", "suspects", "exp", "--json")
    content = json.loads(done.stdout)
    assert [each["split"] for each in content["images"]] == ["val"]
    page = (experiment / "suspects/suspects.html").read_text()
    assert page.count("<img ") == 3
    text = (experiment / "suspects/suspects.csv").read_text()
    row = next(csv.DictReader(text.splitlines()))
    assert row["rank"] == "1" and row["mask"].endswith(".png")


def test_masks_of_training_are_ranked_by_models_that_have_not_seen_them(run_in, experiment):
    words = ("data", "suspects", "exp", "--folds", 2, "--epochs", 1, "--out", "folds", "--json")
    done = run_in(experiment.parent, *words)
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert [each["split"] for each in content["images"]] == ["train"] * 3
    data = experiment.parent / "folds"
    held_out = [len(list((data / f"fold-{n}/data/images/val").iterdir())) for n in (0, 1)]
    assert sorted(held_out) == [1, 2]


def test_images_to_label_next_are_chosen(run_in, experiment):
    words = ("data", "suspects", "exp", "--queue", 2, "set/images", "--json")
    content = json.loads(run_in(experiment.parent, *words).stdout)
    assert len(content["queue"]) == 2
    assert all(0 <= each["uncertainty"] <= 1 for each in content["queue"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--epochs", 3], "--epochs: has an effect with --folds alone"),
        (["--folds", 1], "--folds: 1 is too few"),
        (["--folds", 9], "--folds: 9 is not allowed; give 2 to 3"),
        (["--queue", "all", "set"], "'all' is not a number of images"),
        (["--queue", 2, "set"], "set is no folder with images"),
    ],
)
def test_a_mistake_is_one_line(run_in, experiment, words, message):
    done = run_in(experiment.parent, "data", "suspects", "exp", *words)
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr
