import onnx
import pytest
import torch

from segformer.data.dataset import SegmentationDataset
from segformer.errors import CheckpointError, SpecError
from segformer.evaluation.predictor import load_predictor
from segformer.model.saved import ModelRecord
from segformer.quantization.qdq import QdqSettings, quantize_onnx
from segformer.quantization.quantize import quantize


def scales(path):
    graph = onnx.load(path).graph
    tensors = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    return [float(tensors[n.input[1]].sum()) for n in graph.node if n.op_type == "QuantizeLinear"]


def quantized_operators(result):
    nodes = onnx.load(result.artifacts["onnx"]).graph.node
    return [node.op_type for node in nodes].count("QuantizeLinear")


def test_int8_model_keeps_its_record_and_stays_near_fp32(quantized, trained):
    path = quantized.artifacts["onnx"]
    models = (path, trained.result.artifacts["best"])
    unknown, cpu = ModelRecord.of(trained.spec), torch.device("cpu")
    model, original = (load_predictor(p, otherwise=unknown, device=cpu) for p in models)
    data = SegmentationDataset(trained.spec.dataset.segment, split="train")
    images = torch.stack([item["image"] for item in data])
    with torch.inference_mode():
        wanted = original.logits(images)
    assert model.record == original.record
    assert (model.logits(images) - wanted).abs().max() < 0.2 * wanted.abs().max()


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["max", "entropy", "percentile"])
def test_each_algorithm_gives_scales_of_its_own(quantizing, quantized, tmp_path, algorithm):
    result = quantize(quantizing(**{"quantize.algorithm": algorithm}), tmp_path)
    assert scales(result.artifacts["onnx"]) != scales(quantized.artifacts["onnx"])


@pytest.mark.slow
def test_percentile_decides_the_scales(quantizing, tmp_path):
    found = []
    for percentile in (60, 99.99):
        overrides = {"quantize.algorithm": "percentile", "quantize.percentile": percentile}
        result = quantize(quantizing(**overrides), tmp_path / str(percentile))
        found.append(sum(scales(result.artifacts["onnx"])))
    assert found[0] < found[1]


def test_model_for_tensorrt_has_no_zero_points_and_biases_in_32_bits(quantizing, tmp_path):
    result = quantize(quantizing(**{"quantize.device": "trt"}), tmp_path)
    graph = onnx.load(result.artifacts["onnx"]).graph
    tensors = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    points = [tensors[n.input[2]] for n in graph.node if n.op_type == "QuantizeLinear"]
    assert points and all((p == 0).all() for p in points)
    assert not any(t.dtype == "int32" for t in tensors.values())


@pytest.mark.slow
def test_skipped_and_chosen_layers_are_what_is_quantized(quantizing, tmp_path):
    everything = quantized_operators(quantize(quantizing(), tmp_path / "all"))
    skipped = quantizing(**{"quantize.skip_names": ["/0/backbone/*"]})
    only_head = quantized_operators(quantize(skipped, tmp_path / "head"))
    chosen = quantizing(**{"quantize.layers": [{"module_name": "*classifier*"}]})
    only_last = quantized_operators(quantize(chosen, tmp_path / "last"))
    assert only_last < only_head < everything


@pytest.mark.slow
def test_as_many_images_calibrate_as_the_spec_says(quantizing, tmp_path):
    models = [
        quantize(quantizing(**{"quantize.calibration_images": count}), tmp_path / str(count))
        for count in (1, 3)
    ]
    scales = [
        {i.name: onnx.numpy_helper.to_array(i).tolist() for i in onnx.load(m.artifacts["onnx"])
         .graph.initializer if i.name.endswith("_scale")}
        for m in models
    ]  # fmt: skip
    assert scales[0].keys() == scales[1].keys() and scales[0] != scales[1]


def test_ranges_of_an_earlier_calibration_need_no_images(onnx_file, tiny_data, tmp_path):
    images = sorted((tiny_data / "images" / "train").iterdir())
    settings = QdqSettings(algorithm="max", cache=tmp_path / "ranges.json")
    quantize_onnx(onnx_file, tmp_path / "first.onnx", images, settings)
    quantize_onnx(onnx_file, tmp_path / "second.onnx", [], settings)
    assert scales(tmp_path / "first.onnx") == scales(tmp_path / "second.onnx")
    other = QdqSettings(algorithm="entropy", cache=settings.cache)
    with pytest.raises(SpecError, match=r"written with .*MinMax, but the spec asks for .*Entropy"):
        quantize_onnx(onnx_file, tmp_path / "third.onnx", [], other)


def test_cache_that_is_none_is_refused(onnx_file, tmp_path):
    (tmp_path / "ranges.json").write_text("torn")
    with pytest.raises(SpecError, match="is not a cache of calibration ranges"):
        settings = QdqSettings(algorithm="max", cache=tmp_path / "ranges.json")
        quantize_onnx(onnx_file, tmp_path / "second.onnx", [], settings)


def test_model_that_does_not_say_what_it_is_is_refused(onnx_file, tmp_path):
    graph = onnx.load(onnx_file)
    del graph.metadata_props[:]
    onnx.save(graph, tmp_path / "foreign.onnx")
    with pytest.raises(CheckpointError, match="does not record how its images are scaled"):
        quantize_onnx(tmp_path / "foreign.onnx", tmp_path / "out.onnx", [], QdqSettings())
