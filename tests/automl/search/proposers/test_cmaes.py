import pytest
from samplers import COMPLETED, CRASHED, SPACE, mean_loss, tried

from automl.search.proposers.cmaes import CmaEsProposer


def proposer(seed=0):
    return CmaEsProposer(SPACE, population=6, seed=seed)


def test_generations_move_towards_low_losses():
    suggestions = tried(proposer(seed=1), 60)
    assert mean_loss(suggestions[-12:]) < 0.6 * mean_loss(suggestions[:12])
    assert [fault for values in suggestions for fault in SPACE.faults(values)] == []


def test_asking_changes_nothing():
    asked, other = proposer(), proposer()
    for _ in range(3):
        asked.suggest(0)
    assert tried(asked, 20) == tried(other, 20)


def test_the_distribution_stays_until_a_generation_has_ended():
    model = proposer()
    before = model.suggest(50)
    tried(model, 5)
    assert model.suggest(50) == before
    tried(model, 1, first=5)
    assert model.suggest(50) != before


def test_a_failed_trial_counts_as_the_worst_of_its_generation():
    failed, bad = proposer(), proposer()
    for model, outcome, loss in ((failed, CRASHED, -9.0), (bad, COMPLETED, 9.0)):
        tried(model, 5)
        model.start(5, model.suggest(5))
        model.report(5, 1, (loss,))
        model.finish(5, outcome)
    assert failed.suggest(6) == bad.suggest(6)


@pytest.mark.parametrize("count", [6, 12])
def test_a_generation_without_any_value_moves_nothing(count):
    model = proposer()
    before = model.suggest(50)
    for trial in range(count):
        model.start(trial, model.suggest(trial))
        model.finish(trial, CRASHED)
    assert model.suggest(50) == before
