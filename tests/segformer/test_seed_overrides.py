"""The typical overrides of NVIDIA's skill text, action after action, as they are written there."""

import json
import shutil

import pytest
import yaml

from segformer.cli import main

# What two cores need; everything else is the text's.
SMALL = ["model.backbone.type=mit_b0", "dataset.segment.img_size=32", "dataset.segment.workers=0"]


def overrides(folder):
    root = {"dataset.segment.root_dir": folder}
    calibration = {"dataset.segment.quant_calibration_dataset.images_dir": folder}
    return {
        "train": {
            "train.num_gpus": 1,
            "train.num_epochs": 10,
            "train.checkpoint_interval": 10,
            "train.validation_interval": 10,
            "dataset.segment.batch_size": 4,
            **root,
        },
        "evaluate": {"evaluate.batch_size": 4, **root},
        "inference": {"dataset.segment.batch_size": 1, **root},
        "export": root,
        "quantize": {**root, **calibration},
    }


@pytest.fixture
def folder(tiny_data, tmp_path):
    """A data set with a test split and a dataset.json, so that no override has to describe it."""
    root = shutil.copytree(tiny_data, tmp_path / "data")
    for kind in ("images", "masks"):
        shutil.copytree(root / kind / "val", root / kind / "test")
    classes = [{"value": i, "name": name} for i, name in enumerate(("ground", "left", "right"))]
    (root / "dataset.json").write_text(json.dumps({"classes": classes}))
    return root


@pytest.fixture
def run(folder, tmp_path, capsys):
    """Return a function that runs an action with the text's overrides and words of ours."""

    def command(action, *own):
        values = overrides(str(folder))[action]
        words = [f"{key}={yaml.safe_dump(value).split()[0]}" for key, value in values.items()]
        code = main([action, *words, *own, f"results_dir={tmp_path}/out", "--json"])
        printed = capsys.readouterr()
        assert code == 0, printed.err
        return json.loads(printed.out)["artifacts"]

    return command


@pytest.mark.slow
def test_the_overrides_of_the_skill_text_run_as_they_are_written(run):
    best = run("train", *SMALL)["best"]
    run("evaluate", f"evaluate.checkpoint={best}")
    run("inference", f"inference.checkpoint={best}")
    run("export", f"export.checkpoint={best}")


@pytest.mark.slow
def test_the_overrides_of_quantize_run_as_they_are_written(run):
    best = run("train", *SMALL)["best"]
    run("quantize", f"quantize.model_path={best}", "quantize.max_miou_drop=1")
