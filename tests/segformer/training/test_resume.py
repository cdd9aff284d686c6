from dataclasses import replace

import pytest
import torch
from runs import assert_same, state, status_lines

from segformer.errors import CheckpointError, SpecError
from segformer.training.callbacks.checkpoint import CheckpointPaths, write_best
from segformer.training.checkpoint_io import CheckpointFiles
from segformer.training.loop import train
from segformer.training.resume import ResumePoint, read_record


def resume_point(spec, path, folder, files=None):
    named = spec.train.model_copy(update={"resume_training_checkpoint_path": str(path)})
    spec = spec.model_copy(update={"train": named})
    files = files or CheckpointFiles()
    return ResumePoint.newest(CheckpointPaths(folder), spec, files, warn=pytest.fail)


def test_a_resume_reads_its_checkpoint_once(tiny_spec, tmp_path, monkeypatch):
    train(tiny_spec(), tmp_path, lambda *_: "pause")
    reads, load = [], torch.load
    monkeypatch.setattr(
        torch, "load", lambda file, **options: reads.append(file.name) or load(file, **options)
    )
    result = train(tiny_spec(), tmp_path)
    assert [str(path) for path in reads].count(str(result.artifacts["last"])) == 1


def test_content_that_was_read_ahead_is_handed_out_once(trained):
    path, files = CheckpointPaths(trained.folder).last, CheckpointFiles()
    ahead = files.read_ahead(path)
    assert files.read_ahead(path) is ahead
    assert files.load_checkpoint(path) is ahead
    assert files.load_checkpoint(path) is not ahead


def test_best_is_made_of_the_resumed_checkpoint_when_none_is_beside_it(trained, tmp_path):
    alone = tmp_path / "elsewhere" / "epoch2.ckpt"
    alone.parent.mkdir()
    alone.write_bytes(CheckpointPaths(trained.folder).last.read_bytes())
    files = CheckpointFiles()
    point = resume_point(trained.spec, alone, tmp_path, files)
    value = point.prepare(CheckpointPaths(tmp_path), files, warn=pytest.fail)
    assert value == trained.reports[-1][1]["val_miou"]
    assert read_record(CheckpointPaths(tmp_path).best).epoch == 2


def test_best_of_a_later_epoch_or_of_another_training_is_not_taken_over(
    trained, tiny_spec, tmp_path
):
    early, here = CheckpointPaths(tmp_path / "early"), CheckpointPaths(tmp_path / "here")
    train(tiny_spec(), early.folder, lambda *_: "stop")
    late = read_record(early.best).after(9, {"val_miou": 1.0}, best=1.0)
    write_best(early.best, {}, late)
    write_best(here.best, {}, late)
    files = CheckpointFiles()
    point = resume_point(trained.spec, early.last, here.folder, files)
    best = point.prepare(here, files, warn=pytest.fail)
    assert best == point.record.metrics["val_miou"]
    assert read_record(here.best).epoch == read_record(here.last).epoch == 1


@pytest.mark.parametrize(
    ("content", "match"),
    [({"state_dict": {}}, "not a checkpoint of ours"), ([1, 2], "holds list")],
)
def test_checkpoint_of_others_is_not_resumed(trained, tmp_path, content, match):
    torch.save(content, tmp_path / "other.ckpt")
    with pytest.raises(CheckpointError, match=match):
        resume_point(trained.spec, tmp_path / "other.ckpt", tmp_path)


def test_missing_checkpoint_is_named_with_its_key(trained, tmp_path):
    with pytest.raises(CheckpointError, match=r"resume_training_checkpoint_path: .*none\.ckpt"):
        resume_point(trained.spec, tmp_path / "none.ckpt", tmp_path)


@pytest.mark.parametrize(
    "overrides",
    [
        {"train.num_epochs": 4},
        {"train.num_epochs": 4, "train.optim.policy": "step", "train.optim.optim": "sgd"},
        {"train.num_epochs": 3, "model.backbone.freeze_backbone": True},
        {"train.num_epochs": 3, "train.checkpoint_interval": 3, "dataset.segment.workers": 1},
    ],
    ids=["linear", "step", "frozen", "workers"],
)
def test_training_stopped_and_resumed_is_the_one_that_was_not_cut(tiny_spec, tmp_path, overrides):
    spec = tiny_spec(**overrides)
    whole = train(spec, tmp_path / "whole")
    train(spec, tmp_path / "cut", lambda epoch, _: "pause" if epoch == 2 else "continue")
    heard = []
    resumed = train(spec, tmp_path / "cut", lambda epoch, _: heard.append(epoch) or "continue")
    assert heard == list(range(2, spec.train.num_epochs + 1))
    assert resumed.metrics == whole.metrics
    one, other = state(tmp_path / "whole"), state(tmp_path / "cut")
    for part in ("state_dict", "optimizer_states", "lr_schedulers", "segformer", "global_step"):
        assert_same(one[part], other[part])


def test_a_training_shortened_on_its_way_is_the_one_that_its_settings_describe(tiny_spec, tmp_path):
    average = {"train.ema.enable": True, "train.ema.horizon_share": 0.5}
    short = {**average, "train.num_epochs": 3, "train.shortened": [{"after": 1, "epochs": 4}]}
    planned = tiny_spec(**average, **{"train.num_epochs": 4})
    train(planned, tmp_path / "cut", lambda *_: "pause")
    resumed = train(tiny_spec(**short), tmp_path / "cut")
    whole = train(tiny_spec(**short), tmp_path / "whole")
    assert resumed.metrics == whole.metrics
    one, other = state(tmp_path / "whole"), state(tmp_path / "cut")
    for part in ("state_dict", "optimizer_states", "lr_schedulers", "segformer"):
        assert_same(one[part], other[part])
    with pytest.raises(SpecError, match=r"train\.num_epochs: 3 -> 2"):
        train(tiny_spec(**average, **{"train.num_epochs": 2}), tmp_path / "cut")


def test_training_killed_between_checkpoints_goes_on_from_the_last_one(tiny_spec, tmp_path):
    spec = tiny_spec(**{"train.num_epochs": 4, "train.checkpoint_interval": 2})

    def fall_over(epoch, _):
        if epoch == 3:
            raise RuntimeError("the lights went out")
        return "continue"

    with pytest.raises(RuntimeError, match="lights"):
        train(spec, tmp_path / "cut", fall_over)
    heard = []
    train(spec, tmp_path / "cut", lambda epoch, _: heard.append(epoch) or "continue")
    train(spec, tmp_path / "whole")
    assert heard == [2, 3, 4]
    assert_same(state(tmp_path / "cut")["state_dict"], state(tmp_path / "whole")["state_dict"])
    assert status_lines(tmp_path / "cut")[4]["status"] == "FAILURE"


def test_finished_training_is_not_trained_again(trained):
    before, heard = state(trained.folder), []
    result = train(trained.spec, trained.folder, lambda *told: heard.append(told) or "continue")
    assert heard == trained.reports[-1:]
    assert result == replace(trained.result, note=result.note)
    assert_same(state(trained.folder), before)


def test_resume_ends_at_once_when_the_repeated_report_is_answered_stop(tiny_spec, tmp_path):
    spec = tiny_spec(**{"train.num_epochs": 3})
    for _ in range(2):
        train(spec, tmp_path, lambda *_: "stop")
        assert state(tmp_path)["segformer"]["epoch"] == 1


def test_training_resumed_in_another_folder_takes_its_files_along(trained, tiny_spec, tmp_path):
    path = str(trained.folder / "checkpoints" / "last.ckpt")
    result = train(tiny_spec(**{"train.resume_training_checkpoint_path": path}), tmp_path)
    assert result.metrics == trained.result.metrics
    for name in ("best", "last"):
        assert_same(state(tmp_path, name), state(trained.folder, name))


def test_torn_last_checkpoint_is_named_with_the_next_step(trained, tmp_path):
    torn = tmp_path / "checkpoints" / "last.ckpt"
    torn.parent.mkdir()
    whole = (trained.folder / "checkpoints" / "last.ckpt").read_bytes()
    torn.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r"last\.ckpt: cannot be read .* remove this one"):
        train(trained.spec, tmp_path)


@pytest.mark.parametrize(
    ("overrides", "name", "match"),
    [
        ({}, "best", "holds weights only"),
        ({"model.backbone.freeze_backbone": True}, "last", "was trained with model"),
        ({"model.decode_head.align_corners": True}, "last", "was trained with model"),
    ],
)
def test_checkpoint_that_cannot_be_continued_is_refused(
    trained, tiny_spec, tmp_path, overrides, name, match
):
    path = str(trained.folder / "checkpoints" / f"{name}.ckpt")
    with pytest.raises(CheckpointError, match=match):
        train(tiny_spec(**overrides, **{"train.resume_training_checkpoint_path": path}), tmp_path)
