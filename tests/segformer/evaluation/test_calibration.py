import json

import numpy as np
import pytest
import torch

from segformer.data.labels import IGNORED
from segformer.evaluation.calibration import (
    Reliability,
    _least,
    calibration_error,
    fitted_temperature,
)
from segformer.evaluation.evaluate import evaluate
from segformer.export.onnx import export
from segformer.model.saved import ModelRecord, read_model


def drawn(temperature, size=200, seed=0):
    """Logits of which the softmax at `temperature` is the chance of each class, and classes."""
    draw = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(1, 4, size, size, generator=draw)
    chances = (logits / temperature).softmax(1)[0].flatten(1).T
    truth = torch.multinomial(chances, 1, generator=draw)[:, 0].reshape(1, size, size)
    return logits, truth


def error(logits, truth, temperature):
    reliability = Reliability(temperature)
    reliability.add(logits, truth)
    return calibration_error(reliability.table())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_error_is_small_at_the_true_temperature_alone(temperature):
    logits, truth = drawn(temperature)
    assert error(logits, truth, temperature) < 0.01
    assert error(logits, truth, 3 * temperature) > 0.1


def test_a_model_that_is_sure_and_wrong_has_the_largest_error():
    logits = torch.tensor([100.0, 0.0]).reshape(1, 2, 1, 1).expand(1, 2, 4, 4)
    truth = torch.ones(1, 4, 4, dtype=torch.int64)
    assert error(logits, truth, 1.0) == pytest.approx(1)
    truth[0, :2] = IGNORED
    assert error(logits, truth, 1.0) == pytest.approx(1)
    truth[0, 2] = 0
    assert error(logits, truth, 1.0) == pytest.approx(0.5)


@pytest.mark.parametrize("best", [0.1, 1.0, 7.0])
def test_the_least_of_a_loss_is_found(best):
    assert _least(lambda at: (at - np.log(best)) ** 2) == pytest.approx(best, rel=1e-4)


def test_the_temperature_of_a_model_that_is_too_sure_is_what_it_was_sharpened_by(
    tiny_spec, trained
):
    spec = tiny_spec()
    network = read_model(trained.result.artifacts["best"], otherwise=ModelRecord.of(spec)).build()
    segment = trained.spec.dataset.segment
    plain = fitted_temperature(network, segment, align_corners=False)
    sharp = fitted_temperature(lambda images: 4 * network(images), segment, align_corners=False)
    assert sharp == pytest.approx(4 * plain, rel=0.01)


def test_an_export_records_the_temperature_and_evaluate_reports_both_errors(
    tiny_spec, trained, tmp_path
):
    best = str(trained.result.artifacts["best"])
    keys = {"export.checkpoint": best, "export.calibrate": True}
    result = export(tiny_spec(**keys), tmp_path)
    temperature = result.metrics["temperature"]
    assert temperature != 1
    settings = {"checkpoint": str(result.artifacts["onnx"]), "split": "validation"}
    spec = tiny_spec(**{f"evaluate.{key}": value for key, value in settings.items()})
    measured = evaluate(spec, tmp_path / "evaluated")
    assert measured.metrics["val_ece_calibrated"] < measured.metrics["val_ece"]
    content = json.loads(measured.artifacts["results"].read_text())
    assert [each["temperature"] for each in content["calibration"]] == [1.0, temperature]
    (table,) = [
        table for table in json.loads(measured.artifacts["report"].read_text())["tables"]
        if table["title"] == "Calibration"
    ]  # fmt: skip
    assert [row[2] for row in table["rows"]] == [each["ece"] for each in content["calibration"]]
