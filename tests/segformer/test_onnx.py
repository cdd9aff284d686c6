import json

import onnx
import onnxruntime
import pytest

from segformer.deploy.onnx import export
from segformer.errors import CheckpointError, SpecError
from segformer.evaluation.evaluate import evaluate
from segformer.model.saved import ModelRecord, read_model


@pytest.fixture(scope="module")
def exporting(tiny_spec, trained):
    def make(**overrides):
        defaults = {
            "export.checkpoint": str(trained.result.artifacts["best"]),
            "export.input_height": 32,
            "export.input_width": 32,
        }
        return tiny_spec(**{**defaults, **overrides})

    return make


@pytest.fixture(scope="module")
def exported(exporting, tmp_path_factory):
    return export(exporting(), tmp_path_factory.mktemp("export"))


def test_onnx_equals_torch(exported):
    assert exported.metrics["max_logit_difference"] < 1e-4


def test_input_and_output_are_named_with_a_free_batch(exported):
    graph = onnx.load(exported.artifacts["onnx"]).graph
    shapes = [
        (value.name, [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim])
        for value in (*graph.input, *graph.output)
    ]
    assert shapes == [("input", ["batch", 3, 32, 32]), ("output", ["batch", 3, 8, 8])]


def test_operator_set_is_the_specs(exporting, tmp_path):
    spec = exporting(**{"export.opset_version": 18})
    model = onnx.load(export(spec, tmp_path).artifacts["onnx"])
    assert [entry.version for entry in model.opset_import if not entry.domain] == [18]


def test_record_is_in_the_metadata_of_both_files(exported, trained):
    session = onnxruntime.InferenceSession(str(exported.artifacts["onnx"]))
    entry = json.loads(session.get_modelmeta().custom_metadata_map["segformer"])
    saved = read_model(exported.artifacts["safetensors"], otherwise=ModelRecord.of(trained.spec))
    assert saved.record.to_dict() == entry
    assert entry["metrics"]["val_miou"] == trained.result.metrics["val_miou"]


@pytest.mark.parametrize("kind", ["onnx", "safetensors"])
def test_exported_files_score_as_the_checkpoint(exported, tiny_spec, trained, tmp_path, kind):
    spec = tiny_spec(
        **{
            "evaluate.checkpoint": str(exported.artifacts[kind]),
            "evaluate.split": "validation",
        }
    )
    result = evaluate(spec, tmp_path)
    assert result.metrics["val_miou"] == pytest.approx(
        trained.result.metrics["val_miou"], abs=1e-3 if kind == "onnx" else 1e-6
    )


def test_fixed_batch_size_is_fixed_and_can_be_evaluated(exporting, trained, tmp_path):
    spec = exporting(**{"export.batch_size": 2})
    result = export(spec, tmp_path)
    shape = onnxruntime.InferenceSession(str(result.artifacts["onnx"])).get_inputs()[0].shape
    assert shape == [2, 3, 32, 32]
    spec.evaluate.checkpoint, spec.evaluate.split = str(result.artifacts["onnx"]), "validation"
    scores = evaluate(spec, tmp_path).metrics
    assert scores["val_miou"] == pytest.approx(trained.result.metrics["val_miou"], abs=1e-3)


def test_height_and_width_may_differ_but_are_not_evaluated(exporting, tmp_path):
    spec = exporting(**{"export.input_height": 40, "export.input_width": 75})
    result = export(spec, tmp_path)
    assert result.metrics["max_logit_difference"] < 1e-4
    spec.evaluate.checkpoint = str(result.artifacts["onnx"])
    with pytest.raises(SpecError, match=r"40 x 75 px, but was trained at 32 x 32; export it with"):
        evaluate(spec, tmp_path)


def test_file_name_is_the_specs_and_no_part_is_left(exporting, tmp_path):
    result = export(exporting(**{"export.onnx_file": str(tmp_path / "new" / "b0.onnx")}), tmp_path)
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert names == ["b0.onnx", "b0.safetensors"]
    assert result.artifacts["onnx"] == tmp_path / "new" / "b0.onnx"


@pytest.mark.parametrize("name", ["model.onnx", "model.safetensors"])
def test_existing_file_is_not_overwritten(exporting, tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(SpecError, match=f"{name} is there already"):
        export(exporting(), tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("opset", [15, 21])
def test_operator_set_that_cannot_be_written_is_refused(exporting, tmp_path, opset):
    with pytest.raises(SpecError, match=f"value {opset}, allowed 16 to 20"):
        export(exporting(**{"export.opset_version": opset}), tmp_path)


@pytest.mark.parametrize("opset", [16, 20])
def test_first_and_last_operator_set_are_written(exporting, tmp_path, opset):
    result = export(exporting(**{"export.opset_version": opset}), tmp_path)
    assert result.metrics["max_logit_difference"] < 1e-4


def test_onnx_is_not_exported_again_nor_a_torn_one_evaluated(exporting, tmp_path):
    (tmp_path / "torn.onnx").write_bytes(b"torn")
    spec = exporting(**{"export.checkpoint": str(tmp_path / "torn.onnx")})
    with pytest.raises(CheckpointError, match="is ONNX already"):
        export(spec, tmp_path)
    spec.evaluate.checkpoint = str(tmp_path / "torn.onnx")
    with pytest.raises(CheckpointError, match=r"torn\.onnx: ONNX Runtime cannot load it"):
        evaluate(spec, tmp_path)


def test_exporting_prints_nothing(exporting, tmp_path, capfd):
    export(exporting(), tmp_path)
    assert capfd.readouterr() == ("", "")


def test_every_weight_of_the_graph_is_a_constant(exported):
    graph = onnx.load(exported.artifacts["onnx"]).graph
    given = {value.name for value in graph.initializer}
    given |= {node.output[0] for node in graph.node if set(node.input) <= given}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert len(convolutions) == 4 + 6 + 8 + 5  # Patches, reductions, Mix-FFNs, head.
    assert all(node.input[1] in given for node in convolutions)
    assert not any(node.op_type == "BatchNormalization" for node in graph.node)
