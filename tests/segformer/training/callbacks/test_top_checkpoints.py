import pytest
import torch

from segformer.training.loop import train

pytestmark = pytest.mark.slow

ENABLED = {"train.checkpointer.enable_topk": True, "train.num_epochs": 4, "train.optim.lr": 1e-2}


def run(spec, folder, until=99):
    heard = []
    train(
        spec,
        folder,
        lambda *told: heard.append(told) or ("pause" if told[0] == until else "continue"),
    )
    return heard


def kept(folder):
    return {path.stem for path in folder.glob("*.ckpt")} - {"best", "last", "previous"}


@pytest.fixture(scope="module")
def four_epochs(tiny_spec, tmp_path_factory):
    folder = tmp_path_factory.mktemp("topk")
    overrides = {"save_top_k": 2, "monitor": "val_miou", "mode": "max"}
    spec = tiny_spec(**ENABLED, **{f"train.checkpointer.{k}": v for k, v in overrides.items()})
    return spec, folder, run(spec, folder)


def test_the_best_epochs_by_the_metric_are_kept_in_full(four_epochs):
    _, folder, heard = four_epochs
    ranked = sorted(heard, key=lambda told: -told[1]["val_miou"])
    assert kept(folder / "checkpoints") == {f"model_best_{epoch:03d}" for epoch, _ in ranked[:2]}
    best = torch.load(folder / f"checkpoints/model_best_{ranked[0][0]:03d}.ckpt", weights_only=True)
    # The optimiser's state has the learning rates.
    rates = {"lr_head", "lr_backbone"}
    assert best["segformer"]["metrics"].keys() == ranked[0][1].keys() - rates
    assert best["segformer"]["metrics"].items() <= ranked[0][1].items()
    assert "optimizer_states" in best


def test_a_resumed_training_knows_which_are_kept(four_epochs, tmp_path):
    spec, folder, _ = four_epochs
    run(spec, tmp_path, until=2)
    run(spec, tmp_path)
    assert kept(tmp_path / "checkpoints") == kept(folder / "checkpoints")


def test_monitor_name_of_the_optimiser_names_the_metric(tiny_spec, tmp_path):
    overrides = {
        "train.optim.monitor_name": "val_acc",
        "train.checkpointer.dirpath": str(tmp_path / "elsewhere"),
        "train.checkpointer.filename": "{epoch}_{val_acc:.5f}",
        "train.checkpointer.auto_insert_metric_name": True,
    }
    heard = run(tiny_spec(**ENABLED, **overrides), tmp_path)
    epoch, metrics = max(heard, key=lambda told: told[1]["val_acc"])
    assert kept(tmp_path / "elsewhere") == {f"epoch={epoch}_val_acc={metrics['val_acc']:.5f}"}
    assert kept(tmp_path / "checkpoints") == set()


def test_replaced_periodic_checkpoints_leave_the_best_epochs_to_go_on_from(tiny_spec, tmp_path):
    spec = tiny_spec(**ENABLED, **{"train.checkpointer.replace_periodic": True})
    with pytest.raises(ValueError, match="must be continue"):
        train(spec, tmp_path, lambda epoch, _: "perhaps" if epoch == 2 else "continue")
    folder = tmp_path / "checkpoints"
    assert {path.name for path in folder.iterdir()} - {"best.ckpt"} <= {
        "model_best_001.ckpt",
        "model_best_002.ckpt",
    }
    heard = run(spec, tmp_path)
    assert heard[0][0] in (1, 2)
    assert heard[-1][0] == 4
    assert (folder / "last.ckpt").is_file()
