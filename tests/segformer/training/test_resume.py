import pytest
import torch

from segformer.errors import CheckpointError
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
    [({"state_dict": {}}, "no checkpoint of ours"), ([1, 2], "holds list")],
)
def test_checkpoint_of_others_is_not_resumed(trained, tmp_path, content, match):
    torch.save(content, tmp_path / "other.ckpt")
    with pytest.raises(CheckpointError, match=match):
        resume_point(trained.spec, tmp_path / "other.ckpt", tmp_path)


def test_missing_checkpoint_is_named_with_its_key(trained, tmp_path):
    with pytest.raises(CheckpointError, match=r"resume_training_checkpoint_path: .*none\.ckpt"):
        resume_point(trained.spec, tmp_path / "none.ckpt", tmp_path)
