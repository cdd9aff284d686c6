import json

import layouts
import pytest


@pytest.mark.slow
def test_a_folder_of_another_layout_becomes_a_model(tmp_path, run_in):
    layouts.labelme(tmp_path / "data")
    words = ["--policy", "off", "--epochs", 1, "--runner", "local", "--tracker", "none"]
    settings = {"img_size": 32, "batch_size": 2, "workers": 0}
    keys = [f"dataset.segment.{key}={value}" for key, value in settings.items()]
    keys.append("model.backbone.type=mit_b0")
    result = run_in(
        tmp_path, "run", "--skill", "segformer", "--data", "data", "--out", "run", *words, *keys
    )
    assert result.returncode == 0, result.stderr
    assert "LabelMe (no split 4)" in result.stderr
    assert (tmp_path / "run/promoted/model.onnx").is_file()
    held_out = json.loads((tmp_path / "data/split.json").read_text())["val"]
    assert len(held_out) == 1
