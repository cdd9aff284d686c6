import json
import shutil

import pytest
import yaml
from PIL import Image
from runs import assert_same, state, status_lines

from segformer.errors import (
    CheckpointError,
    DataError,
    DivergedError,
    SkillError,
    SpecError,
)
from segformer.training.loop import train
from segformer.training.record import TrainingRecord

OTHER = {
    "train.optim.lr": (2e-3, r"train\.optim\.lr: 0\.001 -> 0\.002"),
    "train.optim.optim": ("sgd", r'train\.optim\.optim: "adamw" -> "sgd"'),
    "train.segment.loss": ("ce_mmiou", r'train\.segment\.loss: "ce" -> "ce_mmiou"'),
    "train.seed": (7, r"train\.seed: 1234 -> 7"),
    "train.num_epochs": (1, r"train\.num_epochs: 2 -> 1"),
    "dataset.segment.batch_size": (3, r"dataset\.segment\.batch_size: 2 -> 3"),
    "dataset.segment.img_size": (64, r"dataset\.segment\.img_size: 32 -> 64"),
    "model.decode_head.align_corners": (True, r"model\.decode_head\.align_corners: false -> true"),
}
INPUTS = (
    "train.resume_training_checkpoint_path",
    "train.pretrained_model_path",
    "model.backbone.pretrained_backbone_path",
)
FREE = {
    "dataset.segment.workers": 1,
    "dataset.segment.cache": "disk",
    "train.num_epochs": 3,
    "train.checkpoint_interval": 2,
    "train.tensorboard.enabled": True,
}


@pytest.fixture
def used(trained, tmp_path):
    """Return a copy of the results folder of a finished training of two epochs."""
    return shutil.copytree(trained.folder, tmp_path / "used")


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("key", OTHER)
def test_other_settings_are_refused_by_name_and_leave_the_folder_as_it_is(used, tiny_spec, key):
    value, line = OTHER[key]
    before = contents(used)
    with pytest.raises(SpecError, match=rf"train\.force=true\n{line}$"):
        train(tiny_spec(**{key: value}), used)
    assert contents(used) == before


def test_all_settings_that_differ_are_named_at_once(used, tiny_spec):
    with pytest.raises(SpecError) as caught:
        train(tiny_spec(**{"train.optim.lr": 1e-2, "train.seed": 3}), used)
    assert [fault.partition(":")[0] for fault in caught.value.faults[1:]] == [
        *("train.optim.lr", "train.seed"),
    ]


def test_a_search_that_reports_is_refused_as_well(used, tiny_spec):
    with pytest.raises(SpecError, match="holds a training with other settings"):
        train(tiny_spec(**{"train.seed": 7}), used, lambda *_: "continue")


def test_a_resume_may_change_epochs_upwards_devices_and_what_is_shown(used, tiny_spec):
    pytest.importorskip("tensorboardX")
    result = train(tiny_spec(**FREE), used)
    assert (result.note, state(used)["segformer"]["epoch"]) == ("", 3)
    assert yaml.safe_load((used / "experiment.yaml").read_text())["train"]["num_epochs"] == 3


def test_the_same_data_under_another_path_is_resumed_and_other_data_is_refused(
    used, tiny_spec, tiny_data, tmp_path
):
    root = shutil.copytree(tiny_data, tmp_path / "moved")
    moved = tiny_spec(**{"dataset.segment.root_dir": str(root), "train.num_epochs": 3})
    assert train(moved, used).note == ""
    image = Image.open(root / "images/train/0.png").transpose(Image.Transpose.ROTATE_180)
    image.save(root / "images/train/0.png")
    with pytest.raises(
        DataError, match=r"began with other data: 5 train, 3 val \(\w+\), now 5 train"
    ):
        train(moved, used)
    with pytest.raises(SpecError, match=r"root_dir: other data: 5 train, 3 val \(\w+\) -> 5 train"):
        train(tiny_spec(**{"dataset.segment.root_dir": str(root), "train.optim.lr": 1e-5}), used)


@pytest.mark.parametrize(("batch", "steps"), [(1, 2), (4, 1)])
def test_a_batch_in_other_pieces_is_the_same_batch(tiny_spec, batch, steps):
    sizes = {"dataset.segment.batch_size": 4 if steps == 1 else 2}
    old = TrainingRecord.of(tiny_spec(**sizes))
    pieces = {"dataset.segment.batch_size": batch, "train.accumulate_grad_batches": steps}
    assert old.differences(TrainingRecord.of(tiny_spec(**pieces))) == []


def test_an_odd_batch_may_be_halved_too(tiny_spec):
    old = TrainingRecord.of(tiny_spec(**{"dataset.segment.batch_size": 5}))
    halved = {"dataset.segment.batch_size": 2, "train.accumulate_grad_batches": 2}
    assert old.differences(TrainingRecord.of(tiny_spec(**halved))) == []
    assert old.differences(TrainingRecord.of(tiny_spec()))


def test_a_finished_training_says_so_and_changes_nothing(used, trained):
    before = contents(used)
    result = train(trained.spec, used)
    assert result.note == ("this training was finished before (epoch 2 of 2); nothing was trained")
    assert result.metrics == trained.result.metrics
    assert [line["status"] for line in status_lines(used)[-2:]] == ["STARTED", "SKIPPED"]
    assert status_lines(used)[-1]["message"] == result.note
    changed = {path.name for path, old in contents(used).items() if before.get(path) != old}
    assert changed <= {"status.json", "log.txt"}


def test_force_replaces_a_training_with_other_settings(used, tiny_spec, tmp_path):
    spec = tiny_spec(**{"train.seed": 7, "train.force": True, "train.num_epochs": 1})
    train(spec, used)
    train(spec.model_copy(deep=True), tmp_path / "fresh")
    assert_same(state(used), state(tmp_path / "fresh"))
    assert len(status_lines(used)) == len(status_lines(tmp_path / "fresh"))
    assert not (used / "checkpoints/previous.ckpt").exists()
    assert not (used / ".replaced").exists()


@pytest.mark.parametrize("key", INPUTS)
def test_force_does_not_remove_a_file_that_the_training_reads(used, tiny_spec, key):
    before = contents(used)
    named = {key: str(used / "checkpoints/best.ckpt"), "train.force": True}
    line = (
        rf"^train\.force: true is not allowed: it would remove .*best\.ckpt, which is {key}; give"
    )
    with pytest.raises(SpecError, match=line):
        train(tiny_spec(**named), used)
    assert contents(used) == before


@pytest.mark.parametrize("key", INPUTS)
def test_force_keeps_the_old_training_if_the_new_one_has_wrong_weights(
    used, tiny_spec, tmp_path, key
):
    before = contents(used)
    (tmp_path / "model.onnx").write_text("no weights")
    with pytest.raises(CheckpointError, match=r"model\.onnx"):
        train(tiny_spec(**{key: str(tmp_path / "model.onnx"), "train.force": True}), used)
    assert contents(used) == before


def test_force_keeps_the_old_training_if_the_new_one_ends_before_its_first_checkpoint(
    used, tiny_spec
):
    before = contents(used)
    diverging = {"train.optim.optim": "sgd", "train.optim.lr": 1e30, "train.force": True}
    with pytest.raises(DivergedError):
        train(tiny_spec(**diverging), used)
    assert contents(used) == before


def test_an_old_training_that_a_kill_left_aside_is_put_back(used, trained):
    (used / ".replaced").mkdir()
    for name in ("checkpoints", "training.json", "experiment.yaml"):
        (used / name).rename(used / ".replaced" / name)
    (used / "training.json").write_text("the killed training's")
    assert "this training was finished before" in train(trained.spec, used).note
    assert not (used / ".replaced").exists()


def test_a_named_checkpoint_of_other_settings_is_refused(trained, tiny_spec, tmp_path):
    last = trained.result.artifacts["last"]
    named = {"train.resume_training_checkpoint_path": str(last), "train.optim.lr": 5e-3}
    with pytest.raises(CheckpointError, match=r"train\.pretrained_model_path\ntrain\.optim\.lr: 0"):
        train(tiny_spec(**named), tmp_path)
    assert not (tmp_path / "checkpoints").exists()


def test_a_checkpoint_copied_into_a_folder_continues_with_other_settings(
    trained, tiny_spec, tmp_path
):
    (tmp_path / "checkpoints").mkdir()
    shutil.copy(trained.result.artifacts["last"], tmp_path / "checkpoints")
    changed = tiny_spec(**{"train.num_epochs": 3, "train.optim.lr": 5e-3})
    assert train(changed, tmp_path).note == ""
    assert TrainingRecord.read(tmp_path).settings["train.optim.lr"] == 5e-3


def test_initial_weights_are_known_by_content(trained, tiny_spec, tmp_path):
    weights = shutil.copy(trained.result.artifacts["best"], tmp_path / "moved.ckpt")
    old, new = (
        TrainingRecord.of(tiny_spec(**{"train.pretrained_model_path": str(path)}))
        for path in (trained.result.artifacts["best"], weights)
    )
    assert old.differences(new) == []
    assert "sha256" in old.differences(TrainingRecord.of(tiny_spec()))[0]


def test_a_damaged_record_is_named_with_the_ways_out(used, trained):
    (used / "training.json").write_text(json.dumps({"settings": {}})[:9])
    with pytest.raises(SkillError, match=r"training\.json: is damaged .* train\.force=true"):
        train(trained.spec, used)
