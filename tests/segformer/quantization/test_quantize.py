import sys

import onnx
import pytest
import torch

from segformer.data.dataset import SegmentationDataset
from segformer.errors import CheckpointError, DataError, RejectedError, SpecError
from segformer.evaluation.predictor import load_predictor
from segformer.model.saved import ModelRecord
from segformer.quantization.calibration import calibration_images, evenly
from segformer.quantization.qdq import QdqSettings, quantize_onnx
from segformer.quantization.quantize import check_drop, quantize


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def quantized(quantizing, tmp_path_factory):
    return quantize(quantizing(), tmp_path_factory.mktemp("quantized"))


def operators(path):
    return [node.op_type for node in onnx.load(path).graph.node]


@pytest.mark.slow
def test_checkpoint_is_exported_and_measured_before_and_after(quantizing, trained, tmp_path):
    checkpoint = trained.result.artifacts["best"]
    metrics = quantize(quantizing(**{"quantize.model_path": str(checkpoint)}), tmp_path).metrics
    assert metrics["val_miou_before"] == pytest.approx(trained.result.metrics["val_miou"])
    assert metrics["miou_drop"] == metrics["val_miou_before"] - metrics["val_miou"]
    assert metrics["size_mb"] < metrics["size_mb_before"] / 3


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
    everything = operators_quantized(quantize(quantizing(), tmp_path / "all"))
    skipped = quantizing(**{"quantize.skip_names": ["/0/backbone/*"]})
    only_head = operators_quantized(quantize(skipped, tmp_path / "head"))
    chosen = quantizing(**{"quantize.layers": [{"module_name": "*classifier*"}]})
    only_last = operators_quantized(quantize(chosen, tmp_path / "last"))
    assert only_last < only_head < everything


@pytest.mark.parametrize("backend", ["onnxruntime", "torchao"])
def test_pattern_that_fits_no_layer_is_refused(quantizing, trained, tmp_path, backend):
    overrides = {"quantize.skip_names": ["nothing.*"]}
    if backend == "torchao":
        overrides |= {
            "quantize.backend": backend, "quantize.mode": "weight_only_ptq",
            "quantize.model_path": str(trained.result.artifacts["best"]),
        }  # fmt: skip
    with pytest.raises(SpecError, match=r"'nothing\.\*' fits no layer"):
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
    with pytest.raises(SpecError, match=rf"{package} is not installed; .*\.\[{package}\]"):
        quantize(spec, tmp_path)


def test_calibration_images_come_from_a_folder_or_tao_layout(quantizing, tiny_data, tmp_path):
    train = tiny_data / "images" / "train"
    spec = quantizing()
    assert calibration_images(spec) == sorted(train.iterdir())
    spec.dataset.segment.quant_calibration_dataset.images_dir = str(tiny_data / "images" / "val")
    assert calibration_images(spec) == sorted((tiny_data / "images" / "val").iterdir())
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "test").symlink_to(train)
    assert [p.name for p in calibration_images(spec, [str(tmp_path)])] == [
        p.name for p in sorted(train.iterdir())
    ]


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


def test_chosen_images_are_spread_over_all(tmp_path):
    paths = [tmp_path / str(i) for i in range(10)]
    assert [p.name for p in evenly(paths, 3)] == ["0", "3", "6"]
    assert evenly(paths, 99) == paths


def test_folder_without_images_is_refused(quantizing, tmp_path):
    spec = quantizing(**{"dataset.segment.quant_calibration_dataset.images_dir": str(tmp_path)})
    with pytest.raises(DataError, match=r"holds no \.png .* to calibrate on"):
        quantize(spec, tmp_path / "out")


def test_ranges_of_an_earlier_calibration_need_no_images(onnx_file, tiny_data, tmp_path):
    images = sorted((tiny_data / "images" / "train").iterdir())
    settings = QdqSettings(algorithm="max", cache=tmp_path / "ranges.json")
    quantize_onnx(onnx_file, tmp_path / "first.onnx", images, settings)
    quantize_onnx(onnx_file, tmp_path / "second.onnx", [], settings)
    assert scales(tmp_path / "first.onnx") == scales(tmp_path / "second.onnx")
    other = QdqSettings(algorithm="entropy", cache=settings.cache)
    with pytest.raises(SpecError, match=r"by a calibration by .*MinMax, but .*Entropy is wanted"):
        quantize_onnx(onnx_file, tmp_path / "third.onnx", [], other)


def test_cache_that_is_none_is_refused(onnx_file, tmp_path):
    (tmp_path / "ranges.json").write_text("torn")
    with pytest.raises(SpecError, match="is not a cache of ranges that a calibration wrote"):
        settings = QdqSettings(algorithm="max", cache=tmp_path / "ranges.json")
        quantize_onnx(onnx_file, tmp_path / "second.onnx", [], settings)


def test_model_that_does_not_say_what_it_is_is_refused(onnx_file, tmp_path):
    graph = onnx.load(onnx_file)
    del graph.metadata_props[:]
    onnx.save(graph, tmp_path / "foreign.onnx")
    with pytest.raises(CheckpointError, match="does not say how its images are scaled"):
        quantize_onnx(tmp_path / "foreign.onnx", tmp_path / "out.onnx", [], QdqSettings())


@pytest.mark.slow
def test_existing_file_is_replaced_by_force_only(quantizing, tmp_path):
    (tmp_path / "quantized_model.onnx").write_text("mine")
    with pytest.raises(SpecError, match="is there already"):
        quantize(quantizing(), tmp_path)
    quantize(quantizing(**{"quantize.force": True}), tmp_path)
    assert "QuantizeLinear" in operators(tmp_path / "quantized_model.onnx")


def scales(path):
    graph = onnx.load(path).graph
    tensors = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    return [float(tensors[n.input[1]].sum()) for n in graph.node if n.op_type == "QuantizeLinear"]


def operators_quantized(result):
    return operators(result.artifacts["onnx"]).count("QuantizeLinear")


def test_products_of_activations_stay_in_32_bits_and_gelu_whole(quantized):
    graph = onnx.load(quantized.artifacts["onnx"]).graph
    kinds = {node.op_type for node in graph.node}
    assert "Gelu" in kinds and "Erf" not in kinds
    weights = {tensor.name for tensor in graph.initializer}
    restored = {node.output[0]: node for node in graph.node if node.op_type == "DequantizeLinear"}
    products = {True: 0, False: 0}
    for node in graph.node:
        in_8_bits = [name in restored for name in node.input[:2]]
        if node.op_type == "Conv":
            assert all(in_8_bits), node.name
        elif node.op_type in ("MatMul", "FusedMatMul"):
            has_weight = in_8_bits[1] and restored[node.input[1]].input[0] in weights
            assert in_8_bits == [has_weight, has_weight], node.name
            products[has_weight] += 1
        elif node.op_type == "Softmax":
            assert not any(in_8_bits), node.name
    assert products == {True: 6 * 8, False: 2 * 8}  # Of the eight blocks of MiT-B0.
