"""The synthetic cases: what they mislead by, and that a search of each is played."""

import numpy as np
import pytest

from experiments.benchmarks.synthetic import BUDGET, CASES, EPOCHS, play, regret

BETTER, WORSE = 0.2, 0.6
"""Ends of two configurations."""


def losses(case, share):
    rng = np.random.default_rng(0)
    return [CASES[case](end, share, rng) for end in (BETTER, WORSE)]


@pytest.mark.parametrize(("case", "share"), [("plateau", 0.3), ("acts after 35 % only", 0.35)])
def test_two_configurations_are_alike_at_first_and_differ_at_the_end(case, share):
    early, late = losses(case, share), losses(case, 1.0)
    assert early[0] == early[1]
    assert late[0] < late[1]


def test_the_order_is_reversed_until_two_thirds():
    early, late = losses("order reversed until 66 %", 0.5), losses("order reversed until 66 %", 1.0)
    assert early[0] > early[1]
    assert late[0] < late[1]


def test_nothing_that_is_searched_acts_in_the_last_case():
    assert len(set(losses("no effect", 1.0))) == 1


@pytest.mark.parametrize("case", CASES)
def test_random_search_finishes_as_many_as_the_budget_holds(case):
    played = play("random", case, seed=0)
    assert len(played.full) == len(played.epochs) == BUDGET // EPOCHS
    assert regret(played.finished(), seed=0) > 0


@pytest.mark.parametrize("case", CASES)
def test_auto_ends_with_a_finished_model(case):
    played = play("auto", case, seed=0, budget=5 * EPOCHS)
    assert sum(played.epochs.values()) <= 5 * EPOCHS
    assert played.full


def test_what_begins_to_learn_late_is_found():
    """While nothing has learned, half of the epochs go deeper."""
    played = play("auto", "rare classes", seed=0, budget=10 * EPOCHS)
    assert min(played.values[trial] for trial in played.full) < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("case", [c for c in CASES if c not in ("usual", "plateau", "no effect")])
def test_auto_is_no_worse_than_random_search_where_losses_mislead(case):
    searches = {
        method: [regret(play(method, case, seed=seed).finished(), seed=seed) for seed in range(2)]
        for method in ("auto", "random")
    }
    assert np.mean(searches["auto"]) <= np.mean(searches["random"]) + 0.05


@pytest.mark.parametrize(("end", "looks"), [(0.1, 0.0), (0.6, 1.0)])
def test_of_rare_classes_only_bad_configurations_look_good_at_first(end, looks):
    rng = np.random.default_rng(0)
    early = np.mean([CASES["rare classes"](end, 0.1, rng) < 0.99 for _ in range(20)])
    assert early == looks
    assert (CASES["rare classes"](end, 1.0, rng) < 0.5) == (end == 0.1)
