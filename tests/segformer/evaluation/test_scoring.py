import json

import pytest
import torch

from segformer.evaluation.evaluate import evaluate
from segformer.training.loop import train

SHAPES = [
    {"resize": "crop"},
    {"resize": "pad", "img_height": 48, "prediction.flip": "horizontal"},
    {"prediction.mode": "slide", "prediction.window_height": 20, "prediction.scales": [1.0, 1.5]},
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: " ".join(map(str, shape.values())))
def test_a_model_is_measured_in_training_as_it_is_used_afterwards(tiny_spec, tmp_path, shape):
    own = {f"dataset.segment.{key}": value for key, value in shape.items()}
    result = train(tiny_spec(**own, **{"train.num_epochs": 1}), tmp_path / "train")
    best = str(result.artifacts["best"])
    keys = {"evaluate.checkpoint": best, "evaluate.split": "validation"}
    # The spec of the evaluation says nothing of the shape: the model does.
    again = evaluate(tiny_spec(**keys), tmp_path / "evaluate")
    assert again.metrics["val_miou"] == result.metrics["val_miou"]
    assert again.metrics["val_loss"] == pytest.approx(result.metrics["val_loss"], rel=1e-6)
    samples = sorted((tmp_path / "evaluate/combined_visualisation").iterdir())
    assert len(samples) == 3


def test_pictures_of_the_same_model_can_be_measured_in_another_mode(tiny_spec, trained, tmp_path):
    best = str(trained.result.artifacts["best"])
    keys = {"evaluate.checkpoint": best, "evaluate.split": "validation"}
    slide = {"dataset.segment.prediction.mode": "slide"}
    narrow = {**slide, "dataset.segment.prediction.window_width": 20}
    whole, one, many = (
        evaluate(tiny_spec(**keys, **mode), tmp_path / str(place)).metrics
        for place, mode in enumerate(({}, slide, narrow))
    )
    assert one["val_acc"] == pytest.approx(whole["val_acc"], abs=0.02)  # At the pictures' own size.
    assert many["val_loss"] != one["val_loss"]
    results = json.loads((tmp_path / "2/results.json").read_text())
    assert torch.tensor(results["confusion_matrix"]).sum() == 3 * 36 * 40
