from pathlib import Path

import pytest

from automl.errors import UsageError
from automl.jobs.datasets import missing_data, values_from_sources
from automl.skill.info import SkillInfo

SOURCES = {
    "act": {
        "data.root": {"source": "train_datasets"},
        "data.calibration": {"source": "calibration_dataset", "path": "images", "optional": True},
        "data.other": {"source": "eval_dataset", "unless": "act.images"},
    }
}
INFO = SkillInfo("demo", True, Path("skill_info.yaml"), data_sources=SOURCES)


def test_data_sets_fill_the_keys_of_their_source(tmp_path):
    given = {"train_datasets": "s3://bucket/train", "calibration_dataset": str(tmp_path)}
    assert values_from_sources(INFO, "act", given) == {
        "data.root": "s3://bucket/train",
        "data.calibration": f"{tmp_path}/images",
    }
    with pytest.raises(UsageError, match="takes no eval_datasets; did you mean eval_dataset"):
        values_from_sources(INFO, "act", {"eval_datasets": "x"})


def test_each_missing_data_set_is_told_with_its_flag():
    assert missing_data(INFO, "act", {"data.root": "???"}) == [
        "act: train_datasets is missing; give --train-datasets URI (or data.root=URI)",
        "act: eval_dataset is missing; give --eval-dataset URI (or data.other=URI)",
    ]
    assert missing_data(INFO, "act", {"data.root": "x", "act.images": "y"}) == []
