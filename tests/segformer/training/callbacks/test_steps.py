"""The steps of an epoch, seen while it is trained."""

import json

from segformer.storage.step_file import FILE
from segformer.training.loop import train


def test_each_epoch_writes_its_steps_and_the_end_removes_them(tiny_spec, tmp_path):
    seen = []

    def report(epoch, metrics):
        seen.append(json.loads((tmp_path / FILE).read_text()))
        return "continue"

    train(tiny_spec(), tmp_path, report)
    assert [(one["epoch"], one["step"], one["steps"]) for one in seen][0][0::2] == (1, 3)
    assert all(one["loss"] > 0 and one["seconds_per_step"] > 0 for one in seen)
    assert not (tmp_path / FILE).exists()
