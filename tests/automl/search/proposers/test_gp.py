import numpy as np
import pytest
from samplers import COMPLETED, CRASHED, SPACE, loss_of, mean_loss, tried

from automl.search.base import Observation
from automl.search.proposers.gp import (
    STARTUP_TRIALS,
    GpProposer,
    confidence_bound,
    expected_improvement,
)


@pytest.fixture(params=[expected_improvement, confidence_bound])
def proposer(request):
    return GpProposer(SPACE, request.param, seed=0)


def test_it_learns_where_losses_are_low(proposer):
    suggestions = tried(proposer, 10)
    assert mean_loss(suggestions[-3:]) < 0.7 * mean_loss(suggestions[:STARTUP_TRIALS])


def test_losses_of_an_earlier_experiment_stand_in_for_the_first_samples():
    past = [Observation({"x": x, "n": 2, "c": c}, (loss_of({"x": x, "c": c}),))
            for x in np.linspace(0, 1, 6) for c in "ab"]  # fmt: skip
    proposer = GpProposer(SPACE, expected_improvement, seed=0, past=past)
    assert abs(proposer.suggest(0)["x"] - 0.8) < 0.2


def test_a_running_trial_keeps_the_next_proposal_away(proposer):
    tried(proposer, 8)
    first = proposer.suggest(8)
    proposer.start(8, first)
    assert proposer.suggest(9) != first


def test_a_failed_trial_is_no_point_of_the_fit(proposer):
    tried(proposer, 6)
    before = proposer.suggest(7)
    proposer.start(6, SPACE.defaults())
    proposer.report(6, 1, (-100.0,))
    proposer.finish(6, CRASHED)
    assert proposer.suggest(7) == before


def test_expected_improvement_is_that_of_a_normal_variable():
    mean, deviation = np.array([0.3, 0.9]), np.array([0.2, 0.2])
    draws = np.random.default_rng(0).normal(mean, deviation, (200_000, 2))
    wanted = np.maximum(0.5 - 0.01 - draws, 0).mean(axis=0)
    assert expected_improvement(mean, deviation, 0.5, 9) == pytest.approx(wanted, abs=2e-3)


def test_the_confidence_bound_narrows_as_points_are_added():
    at = np.zeros(1), np.ones(1), 0.0
    widths = [float(confidence_bound(*at, count)[0]) for count in (0, 10, 200)]
    assert widths == pytest.approx([2.0, 2 * 0.95**10, 0.5])


def test_the_same_history_gives_the_same_suggestion():
    first, second = (GpProposer(SPACE, expected_improvement, seed=5) for _ in range(2))
    for proposer in (first, second):
        tried(proposer, 7)
    assert first.suggest(7) == second.suggest(7)
    second.finish(7, COMPLETED)
