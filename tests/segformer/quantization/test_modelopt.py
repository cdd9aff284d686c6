"""Quantization by NVIDIA's Model Optimizer, where it is installed."""

import onnx
import pytest
import torch

from segformer.data.dataset import SegmentationDataset
from segformer.engine.builder import parsed
from segformer.engine.precision import cast_to
from segformer.evaluation.predictor import load_predictor
from segformer.evaluation.tensorrt import logger, tensorrt
from segformer.model.saved import ModelRecord
from segformer.quantization.quantize import quantize

pytest.importorskip("modelopt", reason="is an extra; pip install 'automl-segformer[modelopt]'")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def quantizing(tiny_spec, trained):
    def make(**values):
        settings = {
            "model_path": str(trained.result.artifacts["best"]), "backend": "modelopt.pytorch",
            "algorithm": "max", "max_miou_drop": 1.0, "calibration_images": 2,
        }  # fmt: skip
        return tiny_spec(**{f"quantize.{k}": v for k, v in {**settings, **values}.items()})

    return make


@pytest.fixture(scope="module")
def quantized(quantizing, tmp_path_factory):
    return quantize(quantizing(), tmp_path_factory.mktemp("modelopt"))


def scales(path):
    graph = onnx.load(path).graph
    tensors = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    return [float(tensors[n.input[1]].sum()) for n in graph.node if n.op_type == "QuantizeLinear"]


def test_a_checkpoint_becomes_an_int8_onnx_model_that_stays_near_it(quantized, trained):
    path, best = quantized.artifacts["onnx"], trained.result.artifacts["best"]
    unknown, cpu = ModelRecord.of(trained.spec), torch.device("cpu")
    model, original = (load_predictor(p, otherwise=unknown, device=cpu) for p in (path, best))
    data = SegmentationDataset(trained.spec.dataset.segment, split="train")
    images = torch.stack([item["image"] for item in data])
    with torch.inference_mode():
        wanted = original.logits(images)
    assert model.record == original.record
    assert (model.logits(images) - wanted).abs().max() < 0.2 * wanted.abs().max()
    assert quantized.metrics["size_mb"] < quantized.metrics["size_mb_before"] / 3


def test_tensorrt_takes_it(quantized):
    pytest.importorskip("tensorrt_rtx", reason="pip install 'automl-segformer[trt]'")
    path, log = quantized.artifacts["onnx"], logger()
    network, _ = parsed(cast_to(onnx.load(path), "fp16"), tensorrt().Builder(log), log, source=path)
    assert network.num_outputs == 1


@pytest.mark.parametrize("values", [{"algorithm": "entropy"}, {"algorithm": "percentile"}])
def test_each_algorithm_has_ranges_of_its_own_within_the_extremes(
    quantizing, quantized, tmp_path, values
):
    found = scales(quantize(quantizing(**values), tmp_path).artifacts["onnx"])
    widest = scales(quantized.artifacts["onnx"])
    assert len(found) == len(widest)
    assert sum(found) < sum(widest)


def test_skipped_layers_stay_as_they_are(quantizing, quantized, tmp_path):
    some = quantize(quantizing(skip_names=["backbone.*"]), tmp_path).artifacts["onnx"]
    assert 0 < len(scales(some)) < len(scales(quantized.artifacts["onnx"]))
