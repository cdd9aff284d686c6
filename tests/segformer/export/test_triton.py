import json

import numpy as np
import onnxruntime
import pytest
from triton_schema import parsed

from segformer.errors import SpecError
from segformer.evaluation.tensorrt import facts_path
from segformer.export.infer import Model
from segformer.export.onnx import export
from segformer.export.triton import write_triton

PARTS = ["segformer_preparation", "segformer_decision", "segformer_picture", "segformer_network",
         "segformer"]  # fmt: skip


@pytest.fixture(scope="module")
def exported(tiny_spec, trained, tmp_path_factory):
    values = {"export.checkpoint": str(trained.result.artifacts["best"])}
    return export(tiny_spec(**values), tmp_path_factory.mktemp("triton") / "x").artifacts["onnx"]


@pytest.fixture(scope="module")
def repository(exported):
    folder = exported.parent / "triton"
    assert [path.name for path in write_triton({"onnx": exported}, folder)] == PARTS
    return folder


def config(folder):
    return parsed((folder / "config.pbtxt").read_text())


def engine_of(folder, package):
    """Write what stands for an engine here: Triton's files are made of its facts alone."""
    engine = folder / "model.engine"
    engine.write_bytes(b"a plan")
    facts = {"record": {}, "size": [32, 32], "batch": [1, 4, 16], "onnx_file": "model.onnx",
             "package": package}  # fmt: skip
    facts_path(engine).write_text(json.dumps(facts))
    return engine


def run_ensemble(repository, name, tensors):
    """Run an ensemble as Triton would: its steps in order, tensors by its maps."""
    for step in config(repository / name).ensemble_scheduling.step:
        session = onnxruntime.InferenceSession(repository / step.model_name / "1/model.onnx")
        fed = {pair.key: tensors[pair.value] for pair in step.input_map}
        names = [pair.key for pair in step.output_map]
        found = dict(zip(names, session.run(names, fed), strict=True))
        tensors |= {pair.value: found[pair.key] for pair in step.output_map}
    return tensors["mask"]


@pytest.mark.parametrize("size", [(40, 36), (61, 31), (13, 20)])
def test_the_steps_of_the_ensemble_give_the_mask_of_predict(repository, exported, size):
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    mask = run_ensemble(repository, "segformer", {"image": pixels})
    assert mask.shape == size
    assert (mask == Model(exported).segment(pixels)).all()


def test_configurations_say_what_the_graphs_in_them_take(repository):
    for folder in map(repository.joinpath, PARTS):
        own = config(folder)
        assert own.name == folder.name and (folder / "1").is_dir()
        if own.platform == "ensemble":
            continue
        session = onnxruntime.InferenceSession(folder / "1/model.onnx")
        first = 1 if own.max_batch_size else 0
        for said, actual in (
            (own.input, session.get_inputs()),
            (own.output, session.get_outputs()),
        ):
            shapes = [[d if isinstance(d, int) else -1 for d in a.shape[first:]] for a in actual]
            assert [list(tensor.dims) for tensor in said] == shapes
            assert [tensor.name for tensor in said] == [a.name for a in actual]
    network = config(repository / "segformer_network")
    assert (network.max_batch_size, list(network.dynamic_batching.preferred_batch_size)) == (8, [8])
    assert (repository / "segformer/labels.txt").read_text().count("\n") == 3


def test_an_engine_gets_an_ensemble_of_its_own_with_its_batches(exported, tmp_path):
    write_triton({"onnx": exported, "engine": engine_of(tmp_path, "tensorrt")}, tmp_path / "t")
    network = config(tmp_path / "t/segformer_engine_network")
    assert (network.backend, network.max_batch_size) == ("tensorrt", 16)
    assert network.instance_group[0].kind == 1  # KIND_GPU
    assert (tmp_path / "t/segformer_engine_network/1/model.plan").read_bytes() == b"a plan"
    (_, step, _) = config(tmp_path / "t/segformer_engine").ensemble_scheduling.step
    assert step.model_name == "segformer_engine_network"


def test_what_triton_cannot_run_is_refused(exported, tiny_spec, trained, tmp_path):
    engine = engine_of(tmp_path, "tensorrt_rtx")
    with pytest.raises(SpecError, match="was built by tensorrt_rtx, and Triton runs engines of"):
        write_triton({"onnx": exported, "engine": engine}, tmp_path / "t")
    values = {"export.checkpoint": str(trained.result.artifacts["best"]), "export.batch_size": 1}
    fixed = export(tiny_spec(**values), tmp_path / "fixed").artifacts["onnx"]
    with pytest.raises(SpecError, match="of fixed batch size makes no batches"):
        write_triton({"onnx": fixed}, tmp_path / "u")
