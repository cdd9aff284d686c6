import pytest
import torch

from segformer.errors import SpecError
from segformer.parallel.batchnorm import SharedBatchNorm, SharedBatchNorms
from segformer.parallel.topology import Topology
from segformer.training.checkpoint_io import CheckpointFiles
from segformer.training.trainer import build_trainer, lightning_settings

TWO = Topology("cpu", (0, 1))
GPUS = Topology("gpu", (2, 3), num_nodes=2)
FILES = CheckpointFiles()


def test_one_process_needs_no_strategy(tiny_spec):
    spec = tiny_spec(**{"train.sync_batchnorm": True})
    settings = lightning_settings(spec, Topology("cpu", (0,)), FILES)
    assert settings["strategy"] == "auto"
    assert (settings["devices"], settings["sync_batchnorm"]) == (1, False)
    assert not any(isinstance(plugin, SharedBatchNorms) for plugin in settings["plugins"])


@pytest.mark.parametrize("strategy", ["ddp", "ddp_find_unused_parameters_true"])
def test_several_processes_have_the_strategy_of_the_spec(tiny_spec, strategy):
    spec = tiny_spec(**{"train.distributed_strategy": strategy})
    settings = lightning_settings(spec, GPUS, FILES)
    assert settings["strategy"] == strategy
    assert (settings["accelerator"], settings["devices"]) == ("gpu", [2, 3])
    assert settings["num_nodes"] == 2


def test_fsdp_is_refused(tiny_spec):
    with pytest.raises(SpecError, match="distributed_strategy: 'fsdp' is not allowed"):
        tiny_spec(**{"train.distributed_strategy": "fsdp"})


def test_norms_are_shared_by_torchs_own_on_gpus_and_by_ours_on_the_cpu(tiny_spec):
    spec = tiny_spec(**{"train.sync_batchnorm": True})
    assert lightning_settings(spec, GPUS, FILES)["sync_batchnorm"] is True
    settings = lightning_settings(spec, TWO, FILES)
    assert settings["sync_batchnorm"] is False
    assert any(isinstance(plugin, SharedBatchNorms) for plugin in settings["plugins"])


def test_processes_that_would_all_draw_the_same_are_refused(tiny_spec):
    spec = tiny_spec(**{"dataset.segment.shuffle": False})
    with pytest.raises(SpecError, match="every process would draw the same images"):
        lightning_settings(spec, TWO, FILES)


def test_a_shared_norm_is_the_plain_one_in_evaluation_and_after_reverting():
    norm, image = torch.nn.BatchNorm2d(3).eval(), torch.randn(2, 3, 4, 4)
    plain = norm(image)
    whole = torch.nn.Sequential(norm)
    assert isinstance(SharedBatchNorms().apply(whole)[0], SharedBatchNorm)
    assert torch.equal(whole(image), plain)
    assert type(SharedBatchNorms().revert(whole)[0]) is torch.nn.BatchNorm2d


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_precision_is_the_trainers(tiny_spec, tmp_path, precision):
    spec = tiny_spec(**{"train.precision": precision})
    trainer = build_trainer(spec, tmp_path, Topology("cpu", (0,)), FILES, [])
    assert trainer.precision == precision
