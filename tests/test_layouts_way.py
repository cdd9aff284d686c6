import json

import layouts
import pytest

WAYS = {
    layouts.labelme: "LabelMe (no split 4)",
    layouts.cityscapes: "Cityscapes (train 2, val 2)",
    layouts.roboflow_masks: "images and masks in one folder (train 2, val 2)",
}
"""Annotations without splits, masks of which most values do not count, masks beside images."""


@pytest.mark.slow
@pytest.mark.parametrize("write", WAYS, ids=lambda write: write.__name__)
def test_a_folder_of_another_layout_becomes_a_model(tmp_path, run_in, write):
    write(tmp_path / "data")
    words = ["--policy", "off", "--epochs", 1, "--runner", "local", "--tracker", "none"]
    settings = {"img_size": 32, "batch_size": 2, "workers": 0}
    keys = [f"dataset.segment.{key}={value}" for key, value in settings.items()]
    keys.append("model.backbone.type=mit_b0")
    result = run_in(
        tmp_path, "run", "--skill", "segformer", "--data", "data", "--out", "run", *words, *keys
    )
    assert result.returncode == 0, result.stderr
    assert WAYS[write] in result.stderr
    assert (tmp_path / "run/promoted/model.onnx").is_file()
    if "no split" in WAYS[write]:
        assert len(json.loads((tmp_path / "data/split.json").read_text())["val"]) == 1
