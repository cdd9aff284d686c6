import json

from segformer.storage.step_file import FILE, StepFile


def test_the_latest_step_is_in_the_file_until_it_is_removed(tmp_path):
    steps = StepFile(tmp_path, "training")
    steps.begin()
    steps.write(1, 46, epoch=2, loss=lambda: 1.5)
    steps.write(2, 46, epoch=2, loss=lambda: 1 / 0)  # An instant later: not written, not asked.
    content = json.loads((tmp_path / FILE).read_text())
    assert content.pop("seconds_per_step") >= 0
    assert content == {"stage": "training", "epoch": 2, "step": 1, "steps": 46, "loss": 1.5}
    steps.remove()
    assert list(tmp_path.iterdir()) == []


def test_before_the_first_step_it_says_what_is_done(tmp_path):
    steps = StepFile(tmp_path, "training")
    steps.say("loading libraries")
    assert json.loads((tmp_path / FILE).read_text()) == {"stage": "loading libraries"}
    steps.write(0, 46, epoch=1)
    content = json.loads((tmp_path / FILE).read_text())
    assert (content["step"], content["seconds_per_step"], content["loss"]) == (0, None, None)


def test_a_folder_that_takes_nothing_is_no_fault(tmp_path):
    steps = StepFile(tmp_path / "nowhere", "measuring")
    steps.write(1, 2)
    steps.remove()
