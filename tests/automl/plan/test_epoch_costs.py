import numpy as np
import pytest
from toy_experiment import write_toy_experiment

from automl.experiment.experiment import Experiment, space_of
from automl.experiment.journal import Journal
from automl.plan.epoch_costs import expected_epoch_s


@pytest.fixture
def past(tmp_path, toy_data):
    """Return the folder of an experiment without a trial, and its space."""
    write_toy_experiment(tmp_path / "past", toy_data, algorithm="random", trials=30, epochs=2)
    experiment = Experiment.load(tmp_path / "past")
    return tmp_path / "past", space_of(experiment.paths, experiment.settings)


def train(root, space, seconds_of):
    """Journal 30 random trials of two epochs, each after a start of 3 s."""
    journal, now, rng = Journal(root / "journal.jsonl"), 0.0, np.random.default_rng(0)
    journal.append({"event": "opened", "time": 0.0, "elapsed": 0.0})
    for trial in range(30):
        values = space.sample(rng)
        event = {"trial": trial, "epochs": 2, "values": values, "time": now, "elapsed": now}
        journal.append({"event": "start", **event})
        for epoch in (1, 2):
            now += seconds_of(space.encode(values)) * rng.lognormal(0, 0.03) + 3 * (epoch == 1)
            event = {"trial": trial, "epoch": epoch, "decision": "continue", "elapsed": now}
            metrics = {"score": 0.5, "loss": 1.0}
            journal.append({"event": "report", "metrics": metrics, "time": now, **event})
        event = {"event": "finish", "trial": trial, "state": "completed", "failure": None}
        journal.append({**event, "time": now, "elapsed": now})


def test_what_a_suggestion_will_cost_is_learned_from_an_earlier_search(past):
    root, space = past
    train(root, space, lambda place: 4.0 ** place[0])
    low, high = (
        space.decode(np.r_[place, np.full(len(space.parameters) - 1, 0.5)]) for place in (0.1, 0.9)
    )
    cheap, dear = expected_epoch_s(root, space, [low, high])
    assert cheap == pytest.approx(4**0.1, rel=0.25)
    assert dear == pytest.approx(4**0.9, rel=0.25)


def test_equal_costs_are_not_told_and_another_space_teaches_nothing(past):
    root, space = past
    train(root, space, lambda place: 2.0)
    assert expected_epoch_s(root, space, [space.defaults()]) is None
    fewer = type(space)(dict(list(space.parameters.items())[:1]), space.base)
    assert expected_epoch_s(root, fewer, [fewer.defaults()]) is None
