import pytest
import torch
from runs import without_rates
from torch.optim.optimizer import register_optimizer_step_post_hook

from segformer.model.saved import ModelRecord, read_model
from segformer.training.callbacks.checkpoint import CheckpointPaths
from segformer.training.loop import train
from segformer.training.resume import read_record


def load(path):
    return torch.load(path, weights_only=True)


@pytest.fixture
def paths(trained):
    return CheckpointPaths(trained.folder)


def test_best_holds_weights_and_record_only(paths):
    assert load(paths.best).keys() == {"state_dict", "segformer"}
    assert paths.best.stat().st_size < 0.5 * paths.last.stat().st_size


def test_record_says_how_to_build_and_use_the_model(paths, trained):
    entry, segment = load(paths.last)["segformer"], trained.spec.dataset.segment
    assert entry["model"]["backbone"]["type"] == "mit_b0"
    assert "pretrained_backbone_path" not in entry["model"]["backbone"]
    prediction = entry["segment"].pop("prediction")
    assert (prediction["window_height"], prediction["window_width"]) == (36, 40)
    assert entry["segment"] == segment.model_dump(
        include={
            "num_classes",
            "palette",
            "img_size",
            "img_height",
            "img_width",
            "resize",
            "label_transform",
            "ignore_index",
            "image_bits",
            "bands",
        }
    ) | {"augmentation": segment.augmentation.model_dump(include={"mean", "std"})}


def test_record_holds_epoch_metrics_and_the_best_so_far(paths, trained):
    entry = load(paths.last)["segformer"]
    epoch, reported = trained.reports[-1]
    assert (entry["epoch"], entry["metrics"]) == (epoch, without_rates(reported))
    assert entry["best"] == max(metrics["val_miou"] for _, metrics in trained.reports)
    assert read_record(paths.best).metrics["val_miou"] == entry["best"]


def test_no_path_and_no_unfinished_file_is_left(paths, trained):
    assert {path.name for path in paths.best.parent.iterdir()} == {
        *("best.ckpt", "last.ckpt", "previous.ckpt")
    }
    for path in (paths.best, paths.last):
        assert str(trained.folder).encode() not in path.read_bytes()
        assert trained.spec.dataset.segment.root_dir.encode() not in path.read_bytes()


def test_last_is_written_every_interval_and_at_the_end(tiny_spec, tmp_path):
    seen, paths = [], CheckpointPaths(tmp_path)

    def look(epoch, _):
        seen.append(load(paths.last)["segformer"]["epoch"] if paths.last.is_file() else None)
        return "continue"

    train(tiny_spec(**{"train.num_epochs": 5, "train.checkpoint_interval": 2}), tmp_path, look)
    assert seen == [None, 2, 2, 4, 4]
    assert load(paths.last)["segformer"]["epoch"] == 5


def test_steps_are_a_unit_of_the_interval(tiny_spec, tmp_path):
    seen, paths = [], CheckpointPaths(tmp_path)

    def look(optimizer, *_):
        if paths.last.is_file():
            content = load(paths.last)
            seen.append((content["global_step"], content["position"]["batch"]))

    hook = register_optimizer_step_post_hook(look)
    unit = {"train.checkpoint_interval_unit": "step", "train.checkpoint_interval": 2}
    train(tiny_spec(**unit), tmp_path)
    hook.remove()
    # Three steps an epoch: what the third, fourth, fifth and sixth found. The end of the first
    # epoch is not due.
    assert seen == [(2, 2), (2, 2), (4, 1), (4, 1)]
    assert load(paths.last)["global_step"] == 6


def test_the_checkpoint_before_the_last_is_kept(paths):
    assert (load(paths.previous)["global_step"], load(paths.last)["global_step"]) == (3, 6)


def test_checkpoints_are_on_disk_before_the_epoch_is_reported(tiny_spec, tmp_path):
    paths = CheckpointPaths(tmp_path)

    def look(epoch, metrics):
        assert load(paths.last)["segformer"]["metrics"] == without_rates(metrics)
        assert read_record(paths.best).epoch <= epoch
        assert "RUNNING" in (tmp_path / "status.json").read_text().splitlines()[epoch]
        return "continue"

    train(tiny_spec(), tmp_path, look)


def test_both_build_the_network_they_were_saved_from(paths, trained):
    image = torch.randn(1, 3, 32, 32)
    otherwise = ModelRecord.of(trained.spec)
    saved = [read_model(path, otherwise=otherwise) for path in (paths.best, paths.last)]
    same_epoch = saved[0].record.epoch == saved[1].record.epoch
    best, last = (each.build()(image) for each in saved)
    assert torch.equal(best, last) == same_epoch


def test_every_checkpoint_can_be_kept_by_its_epoch(tiny_spec, tmp_path):
    keep = {"train.checkpointer.keep_every": True, "train.num_epochs": 3}
    train(tiny_spec(**keep), tmp_path, lambda epoch, _: "pause" if epoch == 2 else "continue")
    train(tiny_spec(**keep), tmp_path)
    names = [f"model_epoch_{epoch:03d}.ckpt" for epoch in (1, 2, 3)]
    folder = tmp_path / "checkpoints"
    assert sorted(path.name for path in folder.glob("model_*")) == names
    assert [load(folder / name)["segformer"]["epoch"] for name in names] == [1, 2, 3]
    assert (folder / names[2]).read_bytes() == (folder / "last.ckpt").read_bytes()


def test_kept_checkpoints_are_those_of_the_interval_and_can_be_resumed(tiny_spec, tmp_path):
    keep = {"train.checkpointer.keep_every": True, "train.checkpoint_interval": 2}
    train(tiny_spec(**keep, **{"train.num_epochs": 4}), tmp_path / "whole")
    kept = sorted((tmp_path / "whole/checkpoints").glob("model_*"))
    assert [path.name for path in kept] == ["model_epoch_002.ckpt", "model_epoch_004.ckpt"]
    named = {"train.resume_training_checkpoint_path": str(kept[0]), "train.num_epochs": 4}
    train(tiny_spec(**named), tmp_path / "resumed")
    last = [load(tmp_path / name / "checkpoints/last.ckpt") for name in ("whole", "resumed")]
    assert all(torch.equal(v, last[1]["state_dict"][k]) for k, v in last[0]["state_dict"].items())
