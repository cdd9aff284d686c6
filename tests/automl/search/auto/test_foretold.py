"""Whether the early order lasts: the correlation that is learned, the scouts, and what follows."""

import numpy as np
import pytest
from simulation import Simulation

from automl.search.algorithms import make_searcher
from automl.search.auto import reasons
from automl.search.auto.candidates import DRAWN_EVERY, OPENING
from automl.search.auto.curves import Curve, Ladder
from automl.search.auto.foretold import EXPECTED, MISLEADS, SCOUTS, SURE, foretells, is_drawn, scout
from automl.search.auto.record import Record
from automl.search.auto.rungs import geometric_rungs, ladder_of
from automl.space.space import Parameter, SearchSpace
from automl.trial.budget import UNLIMITED, Budget
from automl.trial.objective import Objective

EPOCHS = 20
RUNGS = geometric_rungs(EPOCHS)
MIDDLE = RUNGS[len(RUNGS) // 2]
LADDER = Ladder(RUNGS, look=RUNGS[0], foretells=EXPECTED)


def curve(early, late=None, *, epochs=RUNGS[0]):
    """Return a curve with one loss up to the first rung, and another after it."""
    later = [early if late is None else late] * (epochs - RUNGS[0])
    return Curve({}, np.zeros(1), [early] * RUNGS[0] + later)


def searched(late, *, deep=range(OPENING)):
    """Return eight curves of losses 20 to 27, of which some went on to the middle rung."""
    return [
        curve(20.0 + i, late(i), epochs=MIDDLE) if i in deep else curve(20.0 + i)
        for i in range(OPENING)
    ]


def record(*curves, budget_epochs=None):
    made = Record(Budget(UNLIMITED, EPOCHS, budget_epochs=budget_epochs))
    for trial, each in enumerate(curves):
        made.add({"x": trial}, np.full(1, trial))
        made.curves[trial].losses = list(each.losses)
        for epoch in range(1, each.epoch + 1):
            made.epochs.report(trial, epoch)
    return made


def test_an_order_that_lasts_foretells_and_a_reversed_one_does_not():
    lasts, reversed_ = (searched(late) for late in (float, lambda i: -float(i)))
    assert foretells(lasts, RUNGS, RUNGS[0]) > SURE
    assert foretells(reversed_, RUNGS, RUNGS[0]) < 0


@pytest.mark.parametrize("late", [lambda i: -float(i), lambda i: 5.0])
def test_few_trials_and_equal_ones_leave_what_is_expected(late):
    deep = range(3) if late(1) < 0 else range(OPENING)
    assert foretells(searched(late, deep=deep), RUNGS, RUNGS[0]) == pytest.approx(EXPECTED)


def test_what_a_model_proposed_does_not_count():
    """It is good early, whatever comes of it."""
    proposed = [curve(i, -i, epochs=MIDDLE) for i in np.linspace(0, 1, DRAWN_EVERY - OPENING)]
    curves = searched(float)
    assert not any(map(is_drawn, range(len(curves), len(curves) + len(proposed))))
    alone = foretells(curves, RUNGS, RUNGS[0])
    assert foretells([*curves, *proposed], RUNGS, RUNGS[0]) == alone


def test_a_correlation_among_the_promoted_is_corrected_for_their_selection():
    """The best 40 of 400 that correlate by .8 correlate by about .45 among themselves."""
    rng = np.random.default_rng(0)
    early = rng.standard_normal(400)
    late = 0.8 * early + 0.6 * rng.standard_normal(400)
    best = np.argsort(early)[:40]
    curves = [curve(0.0, epochs=1) for _ in range(400 * DRAWN_EVERY)]
    for place in range(400):
        epochs = MIDDLE if place in best else RUNGS[0]
        # Losses fall, so that the best so far is the last.
        curves[place * DRAWN_EVERY] = curve(early[place] + 20, late[place], epochs=epochs)
    assert np.corrcoef(early[best], late[best])[0, 1] < 0.6
    assert foretells(curves, RUNGS, RUNGS[0]) == pytest.approx(0.8, abs=0.1)


def test_a_rung_that_misleads_is_left_out():
    lasts, misleads = (searched(late) for late in (float, lambda i: -float(i)))
    assert ladder_of(lasts, RUNGS).rungs == RUNGS
    ladder = ladder_of(misleads, RUNGS)
    assert ladder.rungs[0] == ladder.since == ladder.look > RUNGS[0]
    assert foretells(misleads, RUNGS, RUNGS[0]) < MISLEADS <= ladder.foretells


def started(scouts):
    """Return a record of 60 trials at the first rung; some of the worse half went on."""
    drawn = searched(float, deep=range(OPENING - scouts, OPENING))
    return record(*drawn, *[curve(10.0)] * 52)


def test_a_scout_is_of_the_worse_half_of_what_was_drawn():
    trials = {scout(started(0), LADDER, seed=seed) for seed in range(20)}
    assert len(trials) > 2
    assert all(is_drawn(trial) and (trial or 0) >= OPENING // 2 - 1 for trial in trials)


def test_few_scouts_are_enough_if_the_order_lasts_and_more_go_on_if_not():
    def asked(scouts, correlation):
        ladder = Ladder(RUNGS, look=RUNGS[0], foretells=correlation)
        return scout(started(scouts), ladder, seed=0) is not None

    assert asked(SCOUTS - 1, SURE) and not asked(SCOUTS, SURE)
    assert asked(SCOUTS, SURE - 0.1)


def test_scouts_take_a_small_part_of_the_epochs_and_none_at_the_end():
    few = record(*searched(float, deep=()))
    assert scout(few, LADDER, seed=0) is None
    budget = started(0).spent + 2 * EPOCHS
    losses = started(0).curves
    assert scout(record(*losses, budget_epochs=budget), LADDER, seed=0) is not None
    assert scout(record(*losses, budget_epochs=budget - 1), LADDER, seed=0) is None


def test_a_search_takes_scouts_to_the_middle_rung_and_says_why():
    space = SearchSpace({"x": Parameter("x", "float", 0.5, low=0.0, high=1.0)}, {})
    budget = Budget(UNLIMITED, EPOCHS, budget_epochs=10 * EPOCHS)
    searcher = make_searcher("auto", space, Objective("loss", "min"), budget, seed=0)
    search = Simulation(searcher, lambda v, epoch: v["x"] - epoch / EPOCHS, epochs=EPOCHS)
    while search.spent < 5 * EPOCHS and not search.fill():
        search.report()
    moves = [entry[1] for entry in search.log if entry[0] == "start"]
    scouts = [move.trial for move in moves if move.reason == reasons.SCOUT]
    opening = sorted(range(OPENING), key=lambda trial: search.values[trial]["x"])
    assert scouts
    assert all(search.epoch[trial] >= MIDDLE for trial in scouts)
    assert set(scouts) <= set(opening[OPENING // 2 :])
