import json

import onnx
import pytest

from segformer.deploy.engine import gen_trt_engine
from segformer.deploy.precision import cast_to
from segformer.errors import CheckpointError, SpecError
from segformer.evaluation.evaluate import evaluate
from segformer.evaluation.tensorrt import driver_fault, read_facts

pytest.importorskip("tensorrt_rtx", reason="builds engines without a GPU; pip install -e '.[trt]'")


@pytest.fixture(scope="module")
def building(tiny_spec, onnx_file):
    def make(**overrides):
        defaults = {
            "gen_trt_engine.onnx_file": str(onnx_file),
            "gen_trt_engine.tensorrt.compute_capabilities": ["8.9"],
            "gen_trt_engine.tensorrt.max_batch_size": 4,
        }
        return tiny_spec(**{**defaults, **overrides})

    return make


@pytest.fixture(scope="module")
def engine(building, tmp_path_factory):
    return gen_trt_engine(building(), tmp_path_factory.mktemp("engine"))


def test_engine_is_built_and_its_facts_lie_beside_it(engine, onnx_file, trained):
    facts = read_facts(engine.artifacts["engine"])
    assert engine.artifacts["engine"].stat().st_size > 1e6
    assert facts["onnx_file"] == str(onnx_file.resolve())
    assert not json.loads(engine.artifacts["facts"].read_text())["onnx_file"].startswith("/")
    assert (facts["precision"], facts["batch"], facts["size"]) == ("fp16", [1, 1, 4], [32, 32])
    assert facts["record"]["metrics"]["val_miou"] == trained.result.metrics["val_miou"]


@pytest.mark.slow
@pytest.mark.parametrize("data_type", ["fp32", "bf16", "int8"])
def test_every_precision_is_built(building, engine, tmp_path, data_type):
    spec = building(
        **{
            "gen_trt_engine.tensorrt.data_type": data_type,
            "gen_trt_engine.tensorrt.calibration.cal_batches": 3,
        }
    )
    result = gen_trt_engine(spec, tmp_path)
    assert result.artifacts["engine"].read_bytes() != engine.artifacts["engine"].read_bytes()


def test_half_precision_stands_in_the_graph_and_its_ends_stay_single(onnx_file):
    graph = cast_to(onnx.load(onnx_file), "fp16").graph
    elements = onnx.TensorProto
    assert graph.input[0].type.tensor_type.elem_type == elements.FLOAT
    assert graph.output[0].type.tensor_type.elem_type == elements.FLOAT
    weights = [t for t in graph.initializer if len(t.dims) >= 2]
    assert {t.data_type for t in weights} == {elements.FLOAT16}


def test_layers_of_another_precision_keep_it(onnx_file):
    graph = cast_to(onnx.load(onnx_file), "fp16", layers={"*classifier*": "fp32"}).graph
    single = [t.name for t in graph.initializer if t.data_type == onnx.TensorProto.FLOAT]
    assert [name for name in single if "classifier" in name]
    with pytest.raises(SpecError, match="layers_precision: 'no such' fits no layer"):
        cast_to(onnx.load(onnx_file), "fp16", layers={"no such": "fp32"})


@pytest.mark.slow
def test_calibration_writes_a_cache_that_stands_in_for_images(building, tmp_path):
    cache = tmp_path / "ranges.json"
    int8 = {
        "gen_trt_engine.tensorrt.data_type": "int8",
        "gen_trt_engine.tensorrt.calibration.cal_cache_file": str(cache),
        "gen_trt_engine.tensorrt.calibration.cal_batches": 2,
    }
    gen_trt_engine(building(**int8), tmp_path / "first")
    written = cache.read_bytes()
    nowhere = "gen_trt_engine.tensorrt.calibration.cal_image_dir"
    gen_trt_engine(building(**int8, **{nowhere: [str(tmp_path / "none")]}), tmp_path / "second")
    assert cache.read_bytes() == written
    graphs = [tmp_path / name / "calibrated.onnx" for name in ("first", "second")]
    assert graphs[0].read_bytes() == graphs[1].read_bytes()


def test_too_few_images_to_calibrate_are_refused(building, tmp_path):
    spec = building(
        **{
            "gen_trt_engine.tensorrt.data_type": "int8",
            "gen_trt_engine.tensorrt.calibration.cal_batches": 99,
        }
    )
    with pytest.raises(SpecError, match="99 batches of 1 are 99 images, but there are 5"):
        gen_trt_engine(spec, tmp_path)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"gen_trt_engine.batch_size": 2}, "takes any batch; set it to -1"),
        (
            {"gen_trt_engine.tensorrt.compute_capabilities": ["3.5"]},
            r"compute_capabilities: 3\.5: tensorrt_rtx .* builds ahead of time for 7\.5, 8\.0",
        ),
    ],
)
def test_what_cannot_be_built_is_refused(building, tmp_path, overrides, message):
    with pytest.raises(SpecError, match=message):
        gen_trt_engine(building(**overrides), tmp_path)


def test_profile_must_not_fall(building):
    with pytest.raises(SpecError, match="opt_batch_size 8, max_batch_size 4: must not fall"):
        building(**{"gen_trt_engine.tensorrt.opt_batch_size": 8})


@pytest.mark.slow
def test_engine_is_not_overwritten_but_by_force(building, tmp_path):
    (tmp_path / "model.engine").write_text("mine")
    with pytest.raises(SpecError, match="model.engine is there already"):
        gen_trt_engine(building(), tmp_path)
    gen_trt_engine(building(**{"gen_trt_engine.force": True}), tmp_path)
    assert (tmp_path / "model.engine").stat().st_size > 1e6


def test_timing_cache_is_refused_where_no_timings_are_taken(building, tmp_path):
    spec = building(**{"gen_trt_engine.timing_cache": str(tmp_path / "timing.cache")})
    with pytest.raises(SpecError, match="timing_cache: tensorrt_rtx takes no timings"):
        gen_trt_engine(spec, tmp_path)


def test_file_that_is_no_onnx_is_refused(building, tmp_path):
    (tmp_path / "torn.onnx").write_bytes(b"torn")
    with pytest.raises(CheckpointError, match=r"torn\.onnx: is not an ONNX model"):
        gen_trt_engine(
            building(**{"gen_trt_engine.onnx_file": str(tmp_path / "torn.onnx")}), tmp_path
        )


@pytest.mark.skipif(driver_fault() is None, reason="a GPU is here")
def test_without_a_gpu_an_engine_says_what_is_missing_and_what_to_run(engine, tiny_spec, tmp_path):
    spec = tiny_spec(**{"evaluate.trt_engine": str(engine.artifacts["engine"])})
    with pytest.raises(CheckpointError, match=r"cannot run here: no NVIDIA driver .*model\.onnx"):
        evaluate(spec, tmp_path)


@pytest.mark.gpu
@pytest.mark.skipif(driver_fault() is not None, reason="no GPU is here")
def test_engine_scores_as_the_onnx_model(building, onnx_file, tiny_spec, tmp_path):
    spec = building(**{"gen_trt_engine.tensorrt.compute_capabilities": []})
    built = gen_trt_engine(spec, tmp_path / "engine").artifacts["engine"]
    scores = [
        evaluate(tiny_spec(**{key: str(path)}), tmp_path / path.name).metrics["test_miou"]
        for key, path in (("evaluate.trt_engine", built), ("evaluate.checkpoint", onnx_file))
    ]
    assert scores[0] == pytest.approx(scores[1], abs=0.005)
