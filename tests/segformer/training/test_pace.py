"""The measured seconds of an epoch, by one process with a few steps."""

import time

import pytest
from layouts import unsplit

from segformer.errors import SkillError
from segformer.skill import skill
from segformer.training.timed_steps import per_batch


def test_the_first_batches_do_not_count_where_there_are_enough():
    assert per_batch([10.0, 11.0, 12.0, 14.0, 16.0]) == 2.0
    assert per_batch([1.0, 3.0]) == 2.0
    assert per_batch([1.0]) == per_batch([]) == 0.0


@pytest.mark.slow
def test_a_few_steps_time_an_epoch_of_any_length(tmp_path):
    unsplit(tmp_path / "data")
    data = tmp_path / "data"
    files = sorted(data.rglob("*"))
    values = {"dataset.segment.root_dir": str(data), "dataset.segment.img_size": 32,
              "dataset.segment.workers": 0, "dataset.segment.batch_size": 1,
              "model.backbone.type": "mit_b0", "train.num_epochs": 50}  # fmt: skip
    spec = skill.resolve("train", values)
    skill.check(spec)
    before = time.monotonic()
    pace = skill.pace(spec, threads=1, at_once=1)
    assert 0 < pace["epoch_s"] < pace["epoch_s"] + pace["start_s"] < time.monotonic() - before
    assert pace["start_s"] > 0.5  # The libraries alone take longer to load.
    assert sorted(data.rglob("*")) == files  # Not even a split.json.
    spec["model"]["backbone"]["pretrained_backbone_path"] = str(files[0])
    with pytest.raises(SkillError, match=str(files[0])):
        skill.pace(spec, threads=1, at_once=1)
