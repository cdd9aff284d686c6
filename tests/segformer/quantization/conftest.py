"""Fixtures for quantization: specs that quantize the trained model, and one quantized model."""

import pytest

from segformer.quantization.quantize import quantize


@pytest.fixture(scope="module", autouse=True)
def _one_block_a_stage():
    from networks import shallow  # It loads torch.

    with shallow():
        yield


@pytest.fixture(scope="session")
def trained(shallow_trained):
    return shallow_trained


@pytest.fixture(scope="session")
def onnx_file(shallow_onnx_file):
    return shallow_onnx_file


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
