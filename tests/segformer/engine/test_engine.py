import contextlib
import io
import json
from types import SimpleNamespace

import onnx
import pytest

from segformer.engine.builder import _check_capability
from segformer.engine.engine import gen_trt_engine, images_to_calibrate
from segformer.engine.precision import cast_to
from segformer.errors import CheckpointError, SkillError, SpecError
from segformer.evaluation.evaluate import evaluate
from segformer.evaluation.tensorrt import driver_fault, read_facts

pytest.importorskip("tensorrt_rtx", reason="builds engines without a GPU; it is the extra trt")


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


def built(spec, folder):
    """Build an engine and return what was made, and what was said on stderr."""
    with contextlib.redirect_stderr(io.StringIO()) as said:
        artifacts = gen_trt_engine(spec, folder).artifacts
    return SimpleNamespace(artifacts=artifacts, said=said.getvalue())


@pytest.fixture(scope="module")
def engine(building, tmp_path_factory):
    """Of fp16, for batches of 1 to 4."""
    return built(building(), tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="module")
def other_engine(building, tmp_path_factory):
    """Of fp16, for batches of 4 only, with a name of its own, all said."""
    folder = tmp_path_factory.mktemp("other")
    overrides = {
        "gen_trt_engine.trt_engine": str(folder / "mine.engine"),
        "gen_trt_engine.tensorrt.min_batch_size": 4,
        "gen_trt_engine.tensorrt.opt_batch_size": 4,
        "gen_trt_engine.verbose": True,
    }
    return built(building(**overrides), folder / "results")


def test_a_graph_of_whole_pictures_is_refused(building, onnx_file, tmp_path):
    graph = onnx.load(onnx_file)
    del graph.graph.input[0].type.tensor_type.shape.dim[0]
    onnx.save(graph, tmp_path / "picture.onnx")
    spec = building(**{"gen_trt_engine.onnx_file": str(tmp_path / "picture.onnx")})
    with pytest.raises(
        CheckpointError, match=r"takes an input of 3 places, .* give the model.onnx"
    ):
        gen_trt_engine(spec, tmp_path)


def test_engine_is_built_and_its_facts_lie_beside_it(engine, onnx_file, trained):
    facts = read_facts(engine.artifacts["engine"])
    assert engine.artifacts["engine"].stat().st_size > 1e6
    assert facts["onnx_file"] == str(onnx_file.resolve())
    assert not json.loads(engine.artifacts["facts"].read_text())["onnx_file"].startswith("/")
    assert (facts["precision"], facts["batch"], facts["size"]) == ("fp16", [1, 1, 4], [32, 32])
    assert facts["record"]["metrics"]["val_miou"] == trained.result.metrics["val_miou"]


def test_engine_has_the_name_and_the_batches_of_the_spec(other_engine):
    path = other_engine.artifacts["engine"]
    assert (path.name, path.exists()) == ("mine.engine", True)
    assert read_facts(path)["batch"] == [4, 4, 4]
    # It says so of an engine whose smallest batch is not its largest.
    assert "minShape is not the same as maxShape" not in other_engine.said


def test_verbose_shows_what_tensorrt_says(engine, other_engine):
    assert "TensorRT: Total Weights Memory: " in other_engine.said
    assert engine.said == ""


def test_workspace_too_small_for_the_engine_is_told(building, tmp_path):
    spec = building(**{"gen_trt_engine.tensorrt.workspace_size": 1})
    with pytest.raises(SkillError, match=r"could not build .*workspace_size=1 \(MB"):
        gen_trt_engine(spec, tmp_path)
    assert not (tmp_path / "model.engine").exists()


def test_gpu_that_has_no_part_in_it_is_refused(building, tmp_path):
    with pytest.raises(SpecError, match=r"gpu_id: 1 is not allowed: .* ahead of time, on no GPU"):
        gen_trt_engine(building(**{"gen_trt_engine.gpu_id": 1}), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data_type", "word", "least_mb", "most_mb"),
    [("fp32", "", 7, 8), ("bf16", "Cast_input_bf16", 3, 4), ("int8", "QuantizeLinear", 2, 3)],
)
def test_every_precision_is_built(building, tmp_path, data_type, word, least_mb, most_mb):
    spec = building(
        **{
            "gen_trt_engine.tensorrt.data_type": data_type,
            "gen_trt_engine.tensorrt.calibration.cal_batches": 3,
            "gen_trt_engine.verbose": True,
        }
    )
    made = built(spec, tmp_path)
    assert read_facts(made.artifacts["engine"])["precision"] == data_type
    assert word in made.said
    weights = int(made.said.rpartition("Total Weights Memory: ")[2].split()[0])
    assert least_mb < weights / 1e6 < most_mb


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
    with pytest.raises(SpecError, match="layers_precision: 'no such' matches no layer"):
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


@pytest.mark.parametrize(("size", "batches"), [(1, 99), (2, 3)])
def test_too_few_images_to_calibrate_are_refused(building, tmp_path, size, batches):
    spec = building(
        **{
            "gen_trt_engine.tensorrt.data_type": "int8",
            "gen_trt_engine.tensorrt.calibration.cal_batch_size": size,
            "gen_trt_engine.tensorrt.calibration.cal_batches": batches,
        }
    )
    wanted = f"{batches} batches of {size} are {batches * size} images, but there are 5"
    with pytest.raises(SpecError, match=wanted):
        gen_trt_engine(spec, tmp_path)


def test_images_to_calibrate_on_are_batches_of_their_size(building):
    numbers = {"cal_batch_size": 2, "cal_batches": 2}
    prefix = "gen_trt_engine.tensorrt.calibration"
    spec = building(**{f"{prefix}.{name}": value for name, value in numbers.items()})
    images = images_to_calibrate(spec, spec.gen_trt_engine.tensorrt.calibration)
    assert [path.name for path in images] == ["0.png", "1.png", "2.png", "3.png"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"gen_trt_engine.batch_size": 2}, "takes any batch; set it to -1"),
        (
            {"gen_trt_engine.tensorrt.compute_capabilities": ["3.5"]},
            r"compute_capabilities: 3\.5: tensorrt_rtx .* builds ahead of time for 7\.5, 8\.0",
        ),
        (
            {"gen_trt_engine.tensorrt.compute_capabilities": ["9.0"]},
            r"9\.0: tensorrt_rtx .* such as 9\.0 \(H100, H200\), build with tensorrt on the GPU",
        ),
    ],
)
def test_what_cannot_be_built_is_refused(building, tmp_path, overrides, message):
    with pytest.raises(SpecError, match=message):
        gen_trt_engine(building(**overrides), tmp_path)


def test_profile_must_not_fall(building):
    with pytest.raises(
        SpecError, match="opt_batch_size 8, max_batch_size 4: must be in ascending order"
    ):
        building(**{"gen_trt_engine.tensorrt.opt_batch_size": 8})


@pytest.mark.slow
def test_engine_is_not_overwritten_but_by_force(building, tmp_path):
    (tmp_path / "model.engine").write_text("mine")
    with pytest.raises(SpecError, match="model.engine exists already"):
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


def test_a_gpu_that_tensorrt_rtx_does_not_know_needs_tensorrt():
    _check_capability((8, 9), ["7.5", "8.9"])
    _check_capability((9, 0), [])
    with pytest.raises(SpecError, match="capability 9.0, and tensorrt_rtx builds for 7.5, 8.9; "):
        _check_capability((9, 0), ["7.5", "8.9"])
