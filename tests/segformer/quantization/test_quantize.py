import sys

import onnx
import pytest
import torch

from segformer.errors import RejectedError, SpecError
from segformer.quantization.quantize import check_drop, quantize


@pytest.mark.slow
def test_checkpoint_is_exported_and_measured_before_and_after(quantizing, trained, tmp_path):
    checkpoint = trained.result.artifacts["best"]
    metrics = quantize(quantizing(**{"quantize.model_path": str(checkpoint)}), tmp_path).metrics
    assert metrics["val_miou_before"] == pytest.approx(trained.result.metrics["val_miou"])
    assert metrics["miou_drop"] == metrics["val_miou_before"] - metrics["val_miou"]
    assert metrics["size_mb"] < metrics["size_mb_before"] / 3


@pytest.mark.parametrize("backend", ["onnxruntime", "torchao"])
def test_pattern_that_fits_no_layer_is_refused(quantizing, trained, tmp_path, backend):
    overrides = {"quantize.skip_names": ["nothing.*"]}
    if backend == "torchao":
        overrides |= {
            "quantize.backend": backend, "quantize.mode": "weight_only_ptq",
            "quantize.model_path": str(trained.result.artifacts["best"]),
        }  # fmt: skip
    with pytest.raises(SpecError, match=r"'nothing\.\*' matches no layer"):
        quantize(quantizing(**overrides), tmp_path)


@pytest.mark.slow
def test_weights_alone_are_quantized_by_torchao_and_load_again(quantizing, trained, tmp_path):
    checkpoint = trained.result.artifacts["best"]
    overrides = {
        "quantize.backend": "torchao", "quantize.mode": "weight_only_ptq",
        "quantize.model_path": str(checkpoint),
    }  # fmt: skip
    result = quantize(quantizing(**overrides), tmp_path)
    assert result.artifacts["checkpoint"].name == "quantized_model_torchao.pth"
    assert result.metrics["miou_drop"] == pytest.approx(0, abs=0.02)
    assert result.metrics["size_mb"] < trained.result.artifacts["best"].stat().st_size / 1e6


def test_model_that_loses_more_than_the_spec_allows_is_refused_and_kept_aside(quantizing, tmp_path):
    file = tmp_path / "quantized_model.onnx"
    file.write_text("a model")
    metrics = {"val_miou_before": 0.5, "val_miou": 0.47, "miou_drop": 0.03}
    allowed = [
        quantizing(**{"quantize.max_miou_drop": drop}).quantize.max_miou_drop
        for drop in (0.03, 0.02)
    ]
    check_drop(file, metrics, allowed=allowed[0])
    with pytest.raises(RejectedError, match=r"from 0\.5000 to 0\.4700, by more than"):
        check_drop(file, metrics, allowed=allowed[1])
    assert [p.name for p in tmp_path.rglob("*.onnx")] == ["quantized_model.onnx"]
    assert (tmp_path / "rejected" / "quantized_model.onnx").exists()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"quantize.mode": "weight_only_ptq"}, "backend onnxruntime has only static_ptq"),
        ({"quantize.backend": "torchao", "quantize.device": "trt"}, "which TensorRT does not read"),
        ({"quantize.backend": "modelopt.pytorch"}, "pytorch has max, entropy, percentile"),
        ({"quantize.backend": "modelopt.pytorch"}, "is ONNX, and backend modelopt.pytorch takes"),
        (
            {
                "quantize.backend": "torchao", "quantize.mode": "weight_only_ptq",
                "quantize.algorithm": "entropy",
            },
            "backend torchao has minmax",
        ),
        (
            {"quantize.layers": [{"module_name": "*", "activations": {"dtype": "native"}}]},
            "static_ptq has activations of int8, not of native",
        ),
    ],
)  # fmt: skip
def test_settings_that_do_not_go_together_are_refused(quantizing, tmp_path, overrides, message):
    with pytest.raises(SpecError, match=message):
        quantize(quantizing(**overrides), tmp_path)


def test_percentile_without_its_algorithm_is_refused(quantizing):
    with pytest.raises(SpecError, match="has an effect only with quantize.algorithm=percentile"):
        quantizing(**{"quantize.percentile": 99})


def test_calibration_images_without_a_calibration_are_refused(quantizing):
    with pytest.raises(SpecError, match="calibration_images: .* has an effect only with"):
        quantizing(**{"quantize.backend": "torchao", "quantize.calibration_images": 3})


def test_modelopt_of_onnx_is_refused_with_what_to_use(quantizing):
    with pytest.raises(SpecError, match=r"onnx 1\.21 and onnxruntime-gpu 1\.24; use onnxruntime"):
        quantizing(**{"quantize.backend": "modelopt.onnx"})


@pytest.mark.parametrize(
    ("backend", "mode", "algorithm"),
    [("torchao", "weight_only_ptq", "minmax"), ("modelopt.pytorch", "static_ptq", "max")],
)
def test_backend_that_is_not_installed_is_told(
    quantizing, trained, tmp_path, monkeypatch, backend, mode, algorithm
):
    package = backend.partition(".")[0]
    monkeypatch.setitem(sys.modules, package, None)
    settings = {"backend": backend, "mode": mode, "algorithm": algorithm}
    settings["model_path"] = str(trained.result.artifacts["best"])
    spec = quantizing(**{f"quantize.{name}": value for name, value in settings.items()})
    with pytest.raises(SpecError, match=rf"{package} is not installed; .*\[{package}\]"):
        quantize(spec, tmp_path)


@pytest.mark.slow
def test_existing_file_is_replaced_by_force_only(quantizing, tmp_path):
    (tmp_path / "quantized_model.onnx").write_text("mine")
    with pytest.raises(SpecError, match="exists already"):
        quantize(quantizing(), tmp_path)
    quantize(quantizing(**{"quantize.force": True}), tmp_path)
    graph = onnx.load(tmp_path / "quantized_model.onnx").graph
    assert "QuantizeLinear" in [node.op_type for node in graph.node]


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_said(quantizing, quantized, tmp_path):
    result = quantize(quantizing(**{"quantize.device": "cuda:1"}), tmp_path)
    assert result.note == (
        "quantize.device is cuda:1, but this machine has 0 GPUs: the model was calibrated and"
        " measured on the CPU"
    )
    assert quantized.note == ""
