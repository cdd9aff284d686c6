import json
from dataclasses import replace

import onnx
import onnxruntime
import pytest
import torch
import yaml

from segformer.errors import CheckpointError, SpecError
from segformer.evaluation.evaluate import evaluate
from segformer.evaluation.grey import grey
from segformer.export.nvdsinfer import check_scaling, write_nvdsinfer
from segformer.export.onnx import GreyInput, export, opsets
from segformer.model.saved import ModelRecord, read_model, write_safetensors
from segformer.spec.sections.deploy import Export


@pytest.fixture(scope="module")
def exporting(tiny_spec, trained):
    def make(**overrides):
        defaults = {"export.checkpoint": str(trained.result.artifacts["best"])}
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
    scores = evaluate(spec, tmp_path / "scores").metrics
    assert scores["val_miou"] == pytest.approx(trained.result.metrics["val_miou"], abs=1e-3)


def test_height_and_width_may_differ_but_are_not_evaluated(exporting, tmp_path):
    spec = exporting(**{"export.input_height": 40, "export.input_width": 75})
    result = export(spec, tmp_path)
    assert result.metrics["max_logit_difference"] < 1e-4
    spec.evaluate.checkpoint = str(result.artifacts["onnx"])
    with pytest.raises(
        SpecError, match=r"40 x 75 px, but was trained at 32 x 32; export .* without"
    ):
        evaluate(spec, tmp_path / "scores")


def test_file_name_is_the_specs_and_no_part_is_left(exporting, tmp_path):
    result = export(exporting(**{"export.onnx_file": str(tmp_path / "new" / "b0.onnx")}), tmp_path)
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert names == [
        "b0.onnx", "b0.safetensors", "b0_picture.onnx", "infer.py", "input_example.json",
        "mlflow_model.py", "requirements.txt",
    ]  # fmt: skip
    assert result.artifacts["onnx"] == tmp_path / "new" / "b0.onnx"


@pytest.mark.parametrize("name", ["model.onnx", "model.safetensors"])
def test_existing_file_and_its_spec_are_not_overwritten(exporting, tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(SpecError, match=f"{name} exists already"):
        export(exporting(), tmp_path)
    assert (tmp_path / name).read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("opset", [15, 99])
def test_operator_set_that_cannot_be_written_is_refused(exporting, tmp_path, opset):
    with pytest.raises(SpecError, match=f"value {opset}, allowed 16 to {opsets()[-1]}"):
        export(exporting(**{"export.opset_version": opset}), tmp_path)


@pytest.mark.parametrize("opset", [16, 20, 23, opsets()[-1]])
def test_first_and_last_operator_set_are_written(exporting, tmp_path, opset):
    result = export(exporting(**{"export.opset_version": opset}), tmp_path)
    model = onnx.load(result.artifacts["onnx"])
    assert [entry.version for entry in model.opset_import if not entry.domain] == [opset]
    assert {entry.key for entry in model.metadata_props} == {"segformer", "names"}
    assert result.metrics["max_logit_difference"] < 1e-4


def test_force_replaces_an_earlier_export(exporting, tmp_path):
    (tmp_path / "model.onnx").write_text("old")
    result = export(exporting(**{"export.force": True}), tmp_path)
    assert onnx.load(result.artifacts["onnx"]).graph.input[0].name == "input"


def test_model_of_one_channel_sees_what_it_would_of_grey_rgb(exporting, tmp_path):
    result = export(exporting(**{"export.input_channel": 1}), tmp_path)
    graph = onnx.load(result.artifacts["onnx"]).graph
    assert graph.input[0].type.tensor_type.shape.dim[1].dim_value == 1
    assert result.metrics["max_logit_difference"] < 1e-4


def test_grey_input_scales_each_channel_by_its_own_mean_and_std(tiny_spec):
    scaling = {"mean": [0.1, 0.5, 0.6], "std": [0.2, 0.3, 0.9]}
    record = ModelRecord.of(
        tiny_spec(**{f"dataset.segment.augmentation.{k}": v for k, v in scaling.items()})
    )
    pixel = torch.full((1, 3, 1, 1), 0.7)
    mean, std = (torch.tensor(scaling[k])[:, None, None] for k in ("mean", "std"))
    scaled = (pixel - mean) / std
    single = grey(scaled, record)
    assert single.flatten().tolist() == pytest.approx([(0.7 - 0.1) / 0.2])
    assert GreyInput(record)(single).detach().numpy() == pytest.approx(scaled.numpy(), rel=1e-5)


def test_deepstream_files_scale_as_training_does(exporting, tmp_path):
    result = export(exporting(**{"export.serialize_nvdsinfer": True}), tmp_path)
    properties = yaml.safe_load(result.artifacts["nvdsinfer_config"].read_text())["property"]
    offset = float(properties["offsets"].split(";")[0])
    factor = properties["net-scale-factor"]
    assert [factor * (x - offset) for x in (0, 255)] == pytest.approx([-1, 1])
    assert properties["infer-dims"] == "3;32;32"
    assert properties["num-detected-classes"] == 3
    changed = {n: result.metrics[f"{n}_changed_pixels"] for n in ("nearest", "bilinear")}
    assert all(0 <= share < 0.2 for share in changed.values())
    assert properties["scaling-filter"] == int(changed["bilinear"] <= changed["nearest"])
    assert result.artifacts["labels"].read_text() == "ground;left part;right part\n"


@pytest.mark.parametrize(("resize", "keeps"), [("squash", 0), ("pad", 1)])
def test_deepstream_scales_frames_as_the_resize_of_the_training(trained, tmp_path, resize, keeps):
    record = ModelRecord.of(trained.spec)
    record.segment["resize"] = resize
    files = write_nvdsinfer(
        tmp_path / "model.onnx", record, Export().with_size(32, 32), filter="nearest"
    )
    properties = yaml.safe_load(files["nvdsinfer_config"].read_text())["property"]
    assert (properties["maintain-aspect-ratio"], properties["scaling-filter"]) == (keeps, 0)
    with pytest.raises(SpecError, match="DeepStream scales whole frames, but the model takes"):
        check_scaling(replace(record, segment={**record.segment, "resize": "crop"}), Export())


def test_scaling_that_deepstream_cannot_do_is_refused_before_the_export(
    exporting, trained, tmp_path
):
    saved = read_model(trained.result.artifacts["best"], otherwise=ModelRecord.of(trained.spec))
    saved.record.segment["augmentation"]["std"] = [0.2, 0.3, 0.4]
    file = tmp_path / "other.safetensors"
    write_safetensors(file, saved.build(), saved.record)
    spec = exporting(**{"export.serialize_nvdsinfer": True, "export.checkpoint": str(file)})
    with pytest.raises(SpecError, match="DeepStream divides every channel by one number"):
        export(spec, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.onnx"))


def test_verbose_tells_of_the_model_on_stderr(exporting, tmp_path, capfd):
    export(exporting(**{"export.verbose": True}), tmp_path)
    told = capfd.readouterr().err
    assert told.startswith("exported mit_b0, epoch ") and "opset 17" in told


def test_on_cpu_gives_the_same_model(exporting, exported, tmp_path):
    result = export(exporting(**{"export.on_cpu": True}), tmp_path)
    same = result.artifacts["onnx"].read_bytes() == exported.artifacts["onnx"].read_bytes()
    assert same or torch.cuda.is_available()


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


@pytest.mark.parametrize("on_cpu", [False, True])
def test_gpu_that_is_not_there_is_refused(exporting, tmp_path, on_cpu):
    with pytest.raises(SpecError, match=r"export\.gpu_id: 99 is not allowed"):
        export(exporting(**{"export.gpu_id": 99, "export.on_cpu": on_cpu}), tmp_path)
    assert not list(tmp_path.glob("model.*"))
