"""The steps of an epoch, seen while it is trained."""

import json

import pytest
from pytorch_lightning import Callback

from segformer.errors import DataError
from segformer.skill import skill
from segformer.storage.step_file import FILE
from segformer.training.loop import train


class Reader(Callback):
    """Reads the file after each batch."""

    def __init__(self, folder):
        self.path, self.seen = folder / FILE, []

    def read(self, *_):
        content = json.loads(self.path.read_text())
        if content not in self.seen:
            self.seen.append(content)

    on_train_start = on_train_batch_start = on_train_epoch_end = read


def test_a_training_says_what_it_loads_then_its_steps_and_its_validation(tiny_spec, tmp_path):
    reader = Reader(tmp_path)
    train(tiny_spec(), tmp_path, callbacks=[reader])
    loading, first, *others = reader.seen
    assert loading == {"stage": "loading data and weights"}
    assert (first["stage"], first["epoch"], first["step"], first["steps"]) == ("training", 1, 0, 3)
    steps = [one for one in others if one["step"] and one["stage"] == "training"]
    assert steps and all(one["loss"] > 0 and one["seconds_per_step"] > 0 for one in steps)
    assert {one["stage"] for one in others} == {"training", "validating"}
    assert not (tmp_path / FILE).exists()


def test_the_skill_leaves_no_such_file_where_the_data_cannot_be_read(tiny_spec, tmp_path):
    spec = tiny_spec().model_dump()
    spec["dataset"]["segment"]["root_dir"] = str(tmp_path / "gone")
    with pytest.raises(DataError, match="gone"):
        skill.run("train", spec, tmp_path / "out")
    assert (tmp_path / "out").is_dir() and not (tmp_path / "out" / FILE).exists()
