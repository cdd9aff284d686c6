"""Fixtures for quantization: specs that quantize the trained model, and one quantized model."""

import pytest

from segformer.quantization.quantize import quantize


@pytest.fixture(scope="session")
def quantizing(tiny_spec, onnx_file):
    def make(**overrides):
        defaults = {
            "quantize.model_path": str(onnx_file),
            "quantize.max_miou_drop": 1.0,
        }
        if overrides.get("quantize.backend") != "torchao":
            defaults["quantize.calibration_images"] = 3
        return tiny_spec(**{**defaults, **overrides})

    return make


@pytest.fixture(scope="session")
def quantized(quantizing, tmp_path_factory):
    return quantize(quantizing(), tmp_path_factory.mktemp("quantized"))
