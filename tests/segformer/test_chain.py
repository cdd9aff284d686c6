"""The chain from training to inference by plain commands with TAO's typical overrides."""

import contextlib
import io
import json
from pathlib import Path

import onnx
import pytest

from segformer.cli import main
from segformer.data.sample import write_sample
from segformer.evaluation.tensorrt import driver_fault

SIZE = 64
TRAIN = {
    "train.num_gpus": 1, "train.num_epochs": 1, "train.checkpoint_interval": 1,
    "train.validation_interval": 1, "dataset.segment.batch_size": 4,
    # Not TAO's: the size that all the rest of the chain has to find by itself, and less to compute.
    "dataset.segment.img_size": SIZE, "model.backbone.type": "mit_b0",
    "model.decode_head.decoder_params.embed_dim": 16, "dataset.segment.workers": 0,
}  # fmt: skip


class Chain:
    """Runs actions in a folder; all have the data's root as their override."""

    def __init__(self, folder: Path) -> None:
        self.data, self.folder = folder / "data", folder / "results"
        write_sample(self.data, seed=1)

    def run(self, action, *, at="", **keys):
        """Run an action with `at` as its results folder; return its artifacts."""
        code, out, err = self.command(action, at=at, **keys)
        assert code == 0, err
        return {name: Path(path) for name, path in json.loads(out)["artifacts"].items()}

    def command(self, action, *, at="", **keys):
        """Return exit code, stdout and stderr of an action."""
        values = {"dataset.segment.root_dir": self.data, **keys}
        values["results_dir"] = self.folder / at
        words = [f"{key}={value}" for key, value in values.items()]
        with (
            contextlib.redirect_stdout(io.StringIO()) as out,
            contextlib.redirect_stderr(io.StringIO()) as err,
        ):
            code = main([action, "--json", *words])
        return code, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    return Chain(tmp_path_factory.mktemp("chain"))


@pytest.fixture(scope="module")
def checkpoint(chain):
    return chain.run("train", **TRAIN)["best"]


@pytest.fixture(scope="module")
def model(chain, checkpoint):
    return chain.run("export", **{"export.checkpoint": checkpoint})["onnx"]


def sides(path):
    dimensions = onnx.load(path).graph.input[0].type.tensor_type.shape.dim
    return [dimension.dim_value for dimension in dimensions[2:]]


def test_an_export_has_the_size_of_the_training(model):
    assert sides(model) == [SIZE, SIZE]


@pytest.mark.parametrize("kind", ["checkpoint", "model"])
def test_quantize_takes_the_size_from_the_model(chain, kind, request):
    source = request.getfixturevalue(kind)
    calibration = {"dataset.segment.quant_calibration_dataset.images_dir": chain.data}
    values = {"quantize.model_path": source, **calibration}
    assert sides(chain.run("quantize", at=f"of_{kind}", **values)["onnx"]) == [SIZE, SIZE]


@pytest.mark.parametrize("kind", ["checkpoint", "model"])
def test_evaluate_and_inference_need_no_more_than_model_and_data(chain, kind, request):
    source = request.getfixturevalue(kind)
    evaluated = chain.run(
        "evaluate", at=kind, **{"evaluate.checkpoint": source, "evaluate.batch_size": 4}
    )
    assert json.loads(evaluated["results"].read_text())["checkpoint"] == str(source)
    values = {"inference.checkpoint": source, "dataset.segment.batch_size": 1}
    masks = chain.run("inference", at=kind, **values)["masks"]
    assert len(list(masks.iterdir())) == 8


@pytest.mark.slow
def test_an_engine_is_built_of_the_export_and_says_why_it_does_not_run(chain, model):
    pytest.importorskip("tensorrt_rtx", reason="builds engines without a GPU")
    values = {"gen_trt_engine.onnx_file": model, "gen_trt_engine.tensorrt.data_type": "fp16"}
    engine = chain.run("gen_trt_engine", **values)["engine"]
    if driver_fault() is None:
        return
    code, _, err = chain.command("evaluate", at="engine", **{"evaluate.trt_engine": engine})
    assert (code, len(err.splitlines())) == (2, 1)
    assert f"Run the ONNX model that it was built from: {model}" in err


@pytest.mark.parametrize("action", ["quantize", "evaluate", "inference"])
def test_a_model_of_another_size_is_refused_in_one_line(chain, checkpoint, tmp_path, action):
    file = tmp_path / "large.onnx"
    size = {"export.input_height": 96, "export.input_width": 96, "export.onnx_file": file}
    chain.run("export", at=action, **size, **{"export.checkpoint": checkpoint})
    key = {"quantize": "model_path"}.get(action, "checkpoint")
    code, out, err = chain.command(action, at=f"large_{action}", **{f"{action}.{key}": file})
    assert (code, len(err.splitlines())) == (2, 1)
    assert "takes images of 96 x 96 px, but was trained at 64 x 64" in err
    assert out == "" or json.loads(out)["error"]


def test_a_second_training_into_the_folder_is_refused_and_a_finished_one_says_so(chain, checkpoint):
    before = checkpoint.read_bytes()
    code, _, err = chain.command("train", **{**TRAIN, "train.optim.lr": 1e-2})
    assert code == 2
    assert "train.optim.lr: 6e-05 -> 0.01" in err
    code, out, _ = chain.command("train", **TRAIN)
    assert code == 0
    assert "nothing was trained" in json.loads(out)["note"]
    assert checkpoint.read_bytes() == before


def test_results_of_another_action_are_not_mixed(chain, model):
    values = {"evaluate.checkpoint": model, "evaluate.results_dir": model.parent}
    code, _, err = chain.command("evaluate", **values)
    assert code == 2
    assert "holds the results of export; give another evaluate.results_dir" in err
