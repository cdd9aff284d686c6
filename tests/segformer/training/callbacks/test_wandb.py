import importlib.util
import sys

import pytest
from paths import HELPERS

from segformer.errors import SpecError
from segformer.training.loop import train

pytestmark = pytest.mark.slow

ASKED = {
    "project": "fields", "entity": "team", "group": "night", "name": "one", "run_id": "abc",
    "tags": ["x"], "reinit": True, "save_code": True, "sync_tensorboard": True,
}  # fmt: skip
SPEC = {
    "wandb.enable": True,
    "train.tensorboard.enabled": True,
    **{f"wandb.{key}": value for key, value in ASKED.items()},
}


@pytest.fixture
def runs(monkeypatch):
    monkeypatch.syspath_prepend(str(HELPERS / "stand_in"))
    for name in ("wandb", "segformer.training.callbacks.wandb"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import wandb

    yield wandb.runs
    sys.modules.pop("segformer.training.callbacks.wandb", None)
    sys.modules.pop("wandb", None)


def test_every_field_reaches_the_run_and_every_epoch_is_logged(runs, tiny_spec, tmp_path):
    heard = []
    train(tiny_spec(**SPEC), tmp_path, lambda *told: heard.append(told) or "continue")
    (run,) = runs
    wanted = {**ASKED, "id": ASKED["run_id"], "reinit": "finish_previous", "resume": "allow"}
    assert wanted.pop("run_id") == "abc"
    assert wanted.items() <= run.settings.items()
    assert run.settings["dir"] == str(tmp_path)
    for logged, (epoch, metrics) in zip(run.logged, heard, strict=True):
        assert {"epoch": epoch, **metrics}.items() <= logged.items()
    assert run.exit_code == 0


def test_no_place_and_no_key_is_told(runs, tiny_spec, tmp_path):
    spec = tiny_spec(**SPEC)
    train(spec, tmp_path, lambda *_: "stop")
    assert spec.dataset.segment.root_dir not in str(runs[0].settings["config"])
    assert "encryption_key" not in str(runs[0].settings["config"])


def test_a_failed_training_closes_the_run_as_failed(runs, tiny_spec, tmp_path):
    with pytest.raises(ValueError, match="must be continue"):
        train(tiny_spec(**SPEC), tmp_path, lambda *_: "perhaps")
    assert runs[0].exit_code == 1


@pytest.mark.skipif(importlib.util.find_spec("wandb") is not None, reason="wandb is installed")
def test_without_the_package_it_is_refused_with_the_next_step(tiny_spec, tmp_path):
    with pytest.raises(SpecError, match=r"wandb\.enable: true .* pip install wandb, or set"):
        train(tiny_spec(**{"wandb.enable": True}), tmp_path)
