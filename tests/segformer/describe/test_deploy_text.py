"""The specs for TensorRT: as a training's, and run as they stand."""

import json
import re

import pytest
import yaml

from segformer.cli import main
from segformer.describe.deploy_text import ACTIONS, deploy_spec, deploy_text
from segformer.describe.schema import default
from segformer.evaluation.tensorrt import driver_fault, read_facts
from segformer.skill import skill
from segformer.spec.overrides import flattened


@pytest.fixture(scope="module")
def data(tiny_data, tmp_path_factory):
    """The tiny data with a dataset.json, as the specs leave the classes to it."""
    folder = tmp_path_factory.mktemp("described")
    for name in ("images", "masks"):
        (folder / name).symlink_to(tiny_data / name)
    names = ("ground", "left part", "right part")
    classes = [{"value": value, "name": name} for value, name in enumerate(names)]
    (folder / "dataset.json").write_text(json.dumps({"classes": classes}))
    return folder


def run(action, *words):
    template = skill.folder / "references" / f"spec_template_deploy_{action}.yaml"
    return main([action, "-e", str(template), *map(str, words), "num_workers=0"])


@pytest.mark.parametrize("action", ACTIONS)
def test_size_and_scaling_are_those_of_a_training(action):
    spec = dict(flattened(deploy_spec(action)))
    training = dict(flattened(default("train")))
    for name in ("img_size", "augmentation.mean", "augmentation.std"):
        assert spec[f"dataset.segment.{name}"] == training[f"dataset.segment.{name}"]


def test_the_text_has_every_field_and_no_other():
    named = set(
        re.findall(r"`((?:gen_trt_engine|evaluate|inference)\.[a-z_.]+)` \| `", deploy_text())
    )
    keys = {k for a in ACTIONS for k, _ in flattened({a: default(a)[a]})}
    assert named == keys


def test_evaluate_of_an_exported_model_by_the_deploy_spec(data, onnx_file, trained, tmp_path):
    model = ("evaluate.trt_engine=", f"evaluate.checkpoint={onnx_file}")
    words = (f"root_dir={data}", f"results_dir={tmp_path}", "evaluate.split=validation")
    assert run("evaluate", *words, *model) == 0
    results = json.loads((tmp_path / "evaluate/results.json").read_text())
    assert results["metrics"]["val_miou"] == pytest.approx(trained.result.metrics["val_miou"])


def test_inference_of_an_exported_model_by_the_deploy_spec(data, onnx_file, tmp_path):
    model = ("inference.trt_engine=", f"inference.checkpoint={onnx_file}")
    words = (f"inference.images_dir={data}/images/val", "root_dir=", f"results_dir={tmp_path}")
    assert run("inference", *words, *model) == 0
    assert len([*(tmp_path / "inference").rglob("*.png")]) >= 3


def test_engine_is_built_by_its_deploy_spec_and_found_by_the_others(
    data, onnx_file, tmp_path, monkeypatch, capsys
):
    pytest.importorskip("tensorrt_rtx", reason="builds without a GPU; it is the extra trt")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_data").symlink_to(data)
    (tmp_path / "results/export").mkdir(parents=True)
    (tmp_path / "results/export/model.onnx").write_bytes(onnx_file.read_bytes())
    gpu = ["gen_trt_engine.tensorrt.compute_capabilities=[8.9]"] if driver_fault() else []
    assert run("gen_trt_engine", *gpu) == 0
    assert read_facts(tmp_path / "results/gen_trt_engine/model.engine")["size"] == [32, 32]
    for action in ("evaluate", "inference"):
        assert run(action) == (2 if driver_fault() else 0)
        assert driver_fault() is None or "cannot run here" in capsys.readouterr().err


def test_a_deploy_spec_is_yaml_of_known_keys_only():
    for action in ACTIONS:
        text = (skill.folder / f"references/spec_template_deploy_{action}.yaml").read_text()
        assert (
            dict(flattened(yaml.safe_load(text))).keys() <= dict(flattened(default(action))).keys()
        )
