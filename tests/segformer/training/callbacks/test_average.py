import pytest
import torch

from segformer.evaluation.metrics import Tally
from segformer.model.saved import ModelRecord, read_model
from segformer.spec.sections.train import Ema
from segformer.training.callbacks.average import WeightAverage
from segformer.training.loop import train
from segformer.training.shortening import Plan

pytestmark = pytest.mark.slow

EMA = {"train.ema.enable": True, "train.ema.decay": 0.5, "train.optim.lr": 1e-2}


def weights(folder, entry="state_dict"):
    return torch.load(folder / "checkpoints/last.ckpt", weights_only=True)[entry]


@pytest.fixture(scope="module")
def averaged(tiny_spec, tmp_path_factory):
    folder = tmp_path_factory.mktemp("averaged")
    train(tiny_spec(**EMA), folder)
    return folder


def test_average_is_kept_beside_weights_that_are_trained_as_without_it(
    averaged, tiny_spec, tmp_path
):
    train(tiny_spec(**{"train.optim.lr": 1e-2}), tmp_path)
    plain, trained, average = (
        weights(tmp_path),
        weights(averaged, "trained_state_dict"),
        weights(averaged),
    )
    name = "model.head.classifier.weight"
    assert torch.equal(trained[name], plain[name])
    assert not torch.equal(average[name], plain[name])


def test_average_takes_in_each_step_by_the_decay():
    class Stub(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

    class Trainer:
        global_step = 0

    module, trainer, average = (
        Stub(),
        Trainer(),
        WeightAverage(Ema(enable=True, decay=0.9), Plan(1)),
    )
    average.on_train_start(trainer, module)
    expected = 0.0
    for step in range(1, 200):
        module.weight.data.fill_(step)
        trainer.global_step = step
        for _ in range(2):  # The second batch only accumulates.
            average.on_train_batch_end(trainer, module)
        kept = min(0.9, (1 + step) / (10 + step))
        expected = kept * expected + (1 - kept) * step
    assert float(average.state_dict_of(module)["weight"]) == pytest.approx(expected, rel=1e-5)


def test_average_is_what_is_validated_and_kept_as_best(averaged, tiny_spec):
    from segformer.data.dataset import SegmentationDataset

    spec = tiny_spec(**EMA)
    saved = read_model(averaged / "checkpoints/best.ckpt", otherwise=ModelRecord.of(spec))
    data = SegmentationDataset(spec.dataset.segment, split="validation")
    tally, network = Tally(3, align_corners=False), saved.build()
    for item in data:
        tally.add(network(item["image"][None]), item["mask"][None])
    miou = tally.scores(what="val").metrics("val", ["a", "b", "c"])["val_miou"]
    assert miou == pytest.approx(saved.record.metrics["val_miou"], abs=1e-6)


def test_average_is_resumed(averaged, tiny_spec, tmp_path):
    spec = tiny_spec(**EMA)
    train(spec, tmp_path, lambda *_: "pause")
    train(spec, tmp_path)
    for entry in ("state_dict", "trained_state_dict"):
        one, other = weights(averaged, entry), weights(tmp_path, entry)
        assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(("share", "decay"), [(0.0, 0.9), (0.1, 0.98), (1.0, 0.998)])
def test_horizon_is_a_share_of_the_steps_of_the_training(share, decay):
    class Trainer:
        global_step, estimated_stepping_batches, max_epochs, current_epoch = 0, 500, 5, 0

    module, trainer = torch.nn.Linear(1, 1), Trainer()
    settings = {"horizon_share": share} if share else {"decay": 0.9}
    average = WeightAverage(Ema(enable=True, **settings), Plan(5))
    average.on_train_start(trainer, module)
    before = float(average.state_dict_of(module)["bias"])
    module.bias.data += 1.0
    trainer.global_step = 100_000
    average.on_train_batch_end(trainer, module)
    after = float(average.state_dict_of(module)["bias"])
    assert after - before == pytest.approx(1 - decay, rel=1e-3)
