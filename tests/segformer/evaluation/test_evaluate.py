import json

import numpy as np
import pytest
import yaml
from PIL import Image

from segformer.errors import CheckpointError, DataError, SpecError
from segformer.evaluation.evaluate import evaluate


@pytest.fixture
def best(trained):
    return str(trained.result.artifacts["best"])


@pytest.fixture
def evaluation(tiny_spec, best):
    def make(**overrides):
        defaults = {
            "evaluate.checkpoint": best,
            "evaluate.batch_size": 2,
            "evaluate.split": "validation",
        }
        return tiny_spec(**{**defaults, **overrides})

    return make


@pytest.mark.parametrize("batch_size", [2, 8])
def test_best_checkpoint_scores_as_in_training(evaluation, trained, tmp_path, batch_size):
    result = evaluate(evaluation(**{"evaluate.batch_size": batch_size}), tmp_path)
    for name, value in trained.result.metrics.items():
        if name.startswith("val_"):
            assert result.metrics[name] == pytest.approx(value, abs=1e-6)
    own = {"val_constant_miou", "val_constant_acc", "val_ece"}
    assert result.metrics.keys() - own == trained.result.metrics.keys() - {
        "epoch",
        "train_loss",
    }


def test_metrics_of_the_test_split_are_named_so(evaluation, tmp_path):
    result = evaluate(evaluation(**{"evaluate.split": "test"}), tmp_path)
    assert {"test_loss", "test_miou", "test_iou_ground"} <= result.metrics.keys()
    assert all(name.startswith("test_") for name in result.metrics)


def test_results_file_holds_metrics_classes_and_the_confusion_matrix(evaluation, tmp_path):
    result = evaluate(evaluation(), tmp_path)
    content = json.loads((tmp_path / "results.json").read_text())
    assert result.artifacts["results"] == tmp_path / "results.json"
    assert content["metrics"] == result.metrics
    assert [row["name"] for row in content["classes"]] == ["ground", "left part", "right part"]
    assert content["classes"][1]["iou"] == result.metrics["val_iou_left_part"]
    assert sum(map(sum, content["confusion_matrix"])) == 3 * 32 * 32


@pytest.mark.parametrize(("every", "expected"), [(1, "012"), (2, "02"), (3, "0"), (0, "")])
def test_pictures_are_of_every_nth_batch_and_show_image_prediction_and_truth(
    evaluation, tiny_data, tmp_path, every, expected
):
    settings = {"evaluate.batch_size": 1, "evaluate.vis_after_n_batches": every}
    result = evaluate(evaluation(**settings), tmp_path)
    pictures = (tmp_path / "combined_visualisation").glob("*.png")
    found = {path.stem: np.asarray(Image.open(path)) for path in pictures}
    assert sorted(found) == list(expected)
    assert ("pictures" in result.artifacts) == bool(expected)
    for stem, picture in found.items():
        assert picture.shape == (32, 3 * 32, 3)
        image = Image.open(tiny_data / f"images/val/{stem}.png").resize((32, 32), 3)
        assert np.abs(picture[:, :32].astype(int) - np.asarray(image)).max() <= 1
        mask = np.asarray(Image.open(tiny_data / f"masks/val/{stem}.png").resize((32, 32), 0))
        truth = picture[:, 64:]
        assert all(len(np.unique(truth[mask == i], axis=0)) == 1 for i in np.unique(mask))
        assert len(np.unique(truth.reshape(-1, 3), axis=0)) == len(np.unique(mask))


def test_report_shows_samples_class_scores_and_the_confusion_matrix(evaluation, tmp_path):
    result = evaluate(evaluation(**{"evaluate.vis_after_n_batches": 0}), tmp_path)
    told = json.loads(result.artifacts["report"].read_text())
    order = json.loads((tmp_path / "results.json").read_text())["images"]
    assert [image["caption"] for image in told["images"]] == [
        f"{each['name']}: {kind}, mean IoU {each['miou']:.3f}"
        for each, kind in zip(order, ("worst", "worst", "best"), strict=True)
    ]
    # Four parts of 36x40 pixels, the image's own size.
    assert np.asarray(Image.open(tmp_path / told["images"][0]["file"])).shape == (36, 163, 3)
    (table, _, _), (matrix,) = told["tables"], told["matrices"]
    iou = table["columns"].index("iou")
    assert table["rows"][1][iou] == result.metrics["val_iou_left_part"]
    shares = [float(row[-1].removesuffix("%")) for row in table["rows"]]
    assert sum(shares) == pytest.approx(100, abs=0.5)
    assert (
        matrix["values"] == json.loads((tmp_path / "results.json").read_text())["confusion_matrix"]
    )


def test_status_tells_the_metrics_or_why_there_are_none(evaluation, tmp_path):
    result = evaluate(evaluation(), tmp_path / "good")
    with pytest.raises(DataError):
        evaluate(evaluation(**{"dataset.segment.validation_split": "nowhere"}), tmp_path / "bad")
    good, bad = (
        [json.loads(line) for line in (tmp_path / name / "status.json").read_text().splitlines()]
        for name in ("good", "bad")
    )
    assert [line["status"] for line in good] == ["STARTED", "SUCCESS"]
    assert good[-1]["kpi"] == result.metrics
    assert [line["status"] for line in bad] == ["STARTED", "FAILURE"]
    assert "nowhere" in bad[-1]["message"]


def test_experiment_yaml_holds_the_spec(evaluation, tmp_path):
    evaluate(evaluation(), tmp_path)
    content = yaml.safe_load((tmp_path / "experiment.yaml").read_text())
    asked = evaluation().model_dump()
    used = content["dataset"]["segment"].pop("prediction")
    assert (used["mode"], used["window_height"], used["window_width"]) == ("auto", 36, 40)
    assert asked["dataset"]["segment"].pop("prediction")["mode"] == "as_trained"
    assert content == asked


def test_one_model_only_and_of_a_known_kind(evaluation, best, tmp_path):
    with pytest.raises(SpecError, match="give one of them"):
        evaluate(evaluation(**{"evaluate.trt_engine": best}), tmp_path)
    strange = tmp_path / "model.h5"
    strange.touch()
    with pytest.raises(CheckpointError, match=r"model\.h5: is not understood; .* \.ckpt"):
        evaluate(evaluation(**{"evaluate.checkpoint": str(strange)}), tmp_path)


def test_image_size_and_backbone_are_the_checkpoints(evaluation, trained, tmp_path, caplog):
    spec = evaluation(**{"dataset.segment.img_size": 64, "model.backbone.type": "mit_b1"})
    result = evaluate(spec, tmp_path)
    assert result.metrics["val_miou"] == pytest.approx(trained.result.metrics["val_miou"])
    written = yaml.safe_load((tmp_path / "experiment.yaml").read_text())
    assert written["dataset"]["segment"]["img_size"] == 32
    assert "img_size: 64 has no effect, the model was trained at 32" in caplog.text


def test_class_that_is_nowhere_has_no_score_in_the_table(tiny_spec, tmp_path):
    from segformer.training.loop import train

    four = {"dataset.segment.num_classes": 4, "train.num_epochs": 1}
    best = train(tiny_spec(**four), tmp_path).artifacts["best"]
    evaluate(tiny_spec(**four, **{"evaluate.checkpoint": str(best)}), tmp_path / "scores")
    content = json.loads((tmp_path / "scores/results.json").read_text())
    is_predicted = any(row[3] for row in content["confusion_matrix"])
    assert content["classes"][3]["pixels"] == 0
    assert content["classes"][3]["iou"] == (0.0 if is_predicted else None)


def test_num_classes_that_contradicts_the_checkpoint_is_refused(evaluation, tmp_path):
    with pytest.raises(SpecError, match="the checkpoint has 3 classes"):
        evaluate(evaluation(**{"dataset.segment.num_classes": 4}), tmp_path)


def test_missing_checkpoint_and_split_are_refused(evaluation, tmp_path):
    with pytest.raises(CheckpointError, match=r"none\.ckpt: no such file"):
        evaluate(evaluation(**{"evaluate.checkpoint": str(tmp_path / "none.ckpt")}), tmp_path)
    with pytest.raises(DataError, match="nowhere"):
        evaluate(evaluation(**{"dataset.segment.validation_split": "nowhere"}), tmp_path)
