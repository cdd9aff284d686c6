import json

import pytest
import torch

from segformer.evaluation.evaluate import evaluate
from segformer.evaluation.image_counts import counts_of_image
from segformer.evaluation.image_scores import ImageScore, worst_first


def score(name, truth, prediction):
    prediction, truth = torch.tensor(prediction), torch.tensor(truth)
    return ImageScore.of(name, counts_of_image(prediction, truth, num_classes=2))


def test_images_come_worst_first_and_those_without_a_score_last():
    good, bad = score("good", [0, 0, 1, 1], [0, 0, 1, 1]), score("bad", [0, 0, 1, 1], [0, 0, 0, 1])
    ignored = score("ignored", [255, 255], [0, 1])
    assert (good.miou, good.acc) == (1, 1)
    assert (bad.miou, bad.acc) == (pytest.approx((2 / 3 + 1 / 2) / 2), 0.75)
    assert worst_first([ignored, good, bad]) == [bad, good, ignored]


def test_each_image_of_the_split_has_its_scores_in_the_results(tiny_spec, trained, tmp_path):
    best = str(trained.result.artifacts["best"])
    settings = {"evaluate.checkpoint": best, "evaluate.split": "validation"}
    result = evaluate(tiny_spec(**settings), tmp_path)
    images = json.loads((tmp_path / "results.json").read_text())["images"]
    assert sorted(image["name"] for image in images) == ["0", "1", "2"]
    assert [i["miou"] for i in images] == sorted(i["miou"] for i in images)
    mean = sum(image["acc"] for image in images) / 3
    assert mean == pytest.approx(result.metrics["val_acc"])
    worst = json.loads((tmp_path / "report.json").read_text())["tables"][1]
    assert (worst["title"], worst["rows"][0][0]) == ("Worst images", images[0]["name"])
