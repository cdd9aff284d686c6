"""What an epoch costs: starts apart, differences learned, jitter left alone."""

import numpy as np
import pytest

from automl.search.auto.costs import Costs

NEW = np.array([-1, -1])


def learned(seconds_of, *, trials=20, epochs=4, start_s=5.0):
    """Return the costs of random trials of four features, and those features."""
    rng = np.random.default_rng(0)
    rows = rng.random((trials, 4))
    costs = Costs()
    for trial, row in enumerate(rows):
        for epoch in range(epochs):
            seconds = seconds_of(row) * rng.lognormal(0, 0.05)
            costs.took(trial, seconds + start_s * (epoch == 0), is_first=epoch == 0)
    costs.learn(dict(enumerate(rows)))
    return costs, rows


def test_what_a_parameter_costs_is_learned_from_a_few_trials():
    costs, _ = learned(lambda row: 8.0 ** row[2])
    cheap, dear = costs.epoch_s(np.array([[0.5, 0.5, 0.1, 0.5], [0.5, 0.5, 0.9, 0.5]]), NEW)
    assert 0.8 < cheap / 8**0.1 < 1.25
    assert 0.8 < dear / 8**0.9 < 1.25


def test_what_differs_by_jitter_alone_is_expected_to_cost_the_same():
    costs, _ = learned(lambda row: 2.0)
    rows = np.random.default_rng(1).random((2, 4))
    cheap, dear = costs.epoch_s(rows, NEW)
    assert cheap == dear == pytest.approx(costs.typical_s)
    assert costs.typical_s == pytest.approx(2.0, rel=0.05)


def test_the_start_of_a_trial_is_no_part_of_its_epochs():
    costs, _ = learned(lambda row: 2.0)
    assert costs.start_s == pytest.approx(5.0, rel=0.05)
    costs.took(99, 7.5, is_first=True)
    (alone,) = costs.epoch_s(np.full((1, 4), 0.5), np.array([99]))
    assert 2.0 < alone < 2.6  # Between what all others took, and 7.5 less the start.


def test_what_a_trial_took_counts_more_than_what_is_expected_of_it():
    costs, rows = learned(lambda row: 2.0, epochs=9)
    for _ in range(20):
        costs.took(0, 6.0, is_first=False)
    own, new = costs.epoch_s(rows[[0, 0]], np.array([0, -1]))
    assert 5.0 < own < 6.0
    assert new < 2.5


def test_few_trials_say_what_is_typical_and_nothing_about_the_space():
    costs = Costs()
    assert not costs.is_known
    for trial, seconds in enumerate((1.0, 4.0)):
        costs.took(trial, seconds, is_first=False)
    costs.learn(dict(enumerate(np.eye(2))))
    assert costs.is_known
    assert list(costs.epoch_s(np.eye(2), NEW)) == pytest.approx([2.0, 2.0])
