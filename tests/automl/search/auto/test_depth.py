"""The floor of depth, the leader's reserve, and the spread of epochs while trials are alike."""

import numpy as np
import pytest

from automl.search.auto.curves import Curve, Ladder
from automl.search.auto.depth import deeper, due, lifted
from automl.search.auto.record import Record
from automl.trial.budget import UNLIMITED, Budget

EPOCHS = 10
LADDER = Ladder([3, 4, 6, 10], look=3)


def record(*losses, budget_epochs=None):
    made = Record(Budget(UNLIMITED, EPOCHS, budget_epochs=budget_epochs))
    for trial, row in enumerate(losses):
        made.add({"x": trial}, np.full(1, trial))
        made.curves[trial].losses = list(row)
        for epoch in range(1, len(row) + 1):
            made.epochs.report(trial, epoch)
    return made


def timed(made, left_s, *, epochs_s, start_s=0.0):
    """Return a record with seconds left, whose trials took this long for an epoch."""
    for trial, seconds in enumerate(epochs_s):
        made.costs.took(trial, seconds + start_s, is_first=True)
        for _ in range(99):
            made.costs.took(trial, seconds, is_first=False)
    made.costs.left_s = left_s
    return made


@pytest.mark.parametrize(("budget", "expected"), [(30, None), (15, 1), (None, None)])
def test_the_epochs_that_the_leader_needs_are_kept_for_it(budget, expected):
    assert due(record([3, 3, 3], [2, 2, 2], budget_epochs=budget), LADDER, seed=0) == expected


def test_in_ten_trainings_worth_one_of_the_better_half_is_trained_in_full():
    rows = [[float(trial)] * 6 for trial in range(17)]
    better = {due(record(*rows), LADDER, seed=seed) for seed in range(20)}
    assert len(better) > 3 and max(better) < 9
    assert due(record(*rows[:16]), LADDER, seed=0) is None
    assert (due(record([0.0] * EPOCHS, *rows), LADDER, seed=0) or 0) > 3


def test_in_ten_trainings_worth_one_that_was_drawn_and_looks_bad_is_trained_in_full():
    """Those from the eighth on are proposed by a model."""
    finished = [float(trial) for trial in range(1, 3)]
    rows = [[float(trial)] * 6 for trial in range(3, 20)]

    def due_after(*more, budget_epochs=None):
        made = record(*[[loss] * EPOCHS for loss in finished], *rows, budget_epochs=budget_epochs)
        for trial in more:
            made.curves[trial].losses = [float(trial)] * EPOCHS
        return {due(made, LADDER, seed=seed) for seed in range(20)}

    assert due_after() == {4, 5, 6, 7}
    assert due_after(5) == {None}
    spent = 2 * EPOCHS + 6 * len(rows)
    assert due_after(budget_epochs=spent + 2 * EPOCHS) == {4, 5, 6, 7}
    assert due_after(budget_epochs=spent + 2 * EPOCHS - 1) == {None}


def test_nothing_is_due_while_a_full_training_is_on_its_way():
    search = record([3, 3, 3], [2, 2, 2], budget_epochs=15)
    search.curves[0].target = EPOCHS
    assert due(search, LADDER, seed=0) is None


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (20, None),  # A new trial and then the leader fit.
        (8, 1),  # The leader needs 7, and a first look 3.
        (6, 0),  # The leader does not fit any more; the other needs 4.
        (3, 1),  # None fits: the leader trains as far as it can.
    ],
)
def test_at_the_end_of_the_time_the_best_that_can_be_finished_is(left, expected):
    search = timed(record([3.0] * 6, [2, 2, 2]), left, epochs_s=[1.0, 1.0])
    assert due(search, LADDER, seed=0) == expected


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (40, 1),  # The leader needs 10 + 7 * 4 = 38, and a first look 10 + 3 * 2.
        (37, 0),  # It does not fit any more; the other needs 10 + 4 * 1 = 14.
    ],
)
def test_what_can_be_finished_in_the_time_depends_on_what_its_epochs_cost(left, expected):
    search = timed(record([3.0] * 6, [2, 2, 2]), left, epochs_s=[1.0, 4.0], start_s=10.0)
    assert due(search, LADDER, seed=0) == expected


def test_each_worker_finishes_a_trial_at_the_end_of_the_time():
    search = timed(record([3, 3, 3], [2, 2, 2], [2.5, 2.5, 2.5]), 8, epochs_s=[1.0, 1.0, 1.0])
    search.curves[1].target = EPOCHS
    assert due(search, LADDER, seed=0) == 2


def test_half_of_the_epochs_go_deeper_and_equally_to_each_step():
    def step(*epochs):
        paused = [Curve({}, np.zeros(1), [1.0] * n) for n in epochs]
        return deeper(paused, [n for n, e in enumerate(epochs) if e < 10], [3, 4, 6, 10])

    assert step(3, 3, 3, 3) == 0
    assert step(6, 3, 3, 3) == 0
    assert step(10, 3, 3, 3) == 1
    assert step(10, 3) is None


def test_paused_trials_are_brought_to_the_first_rung_that_tells_until_four_are_there():
    ladder = Ladder([6, 10], look=6, since=6)
    rows = [[1.0] * 6, [1.0] * 3, [1.0] * 6, [1.0] * 3]
    assert lifted(record(*rows), ladder) == 1
    assert lifted(record(*rows, [1.0] * 6, [1.0] * 6), ladder) is None
    assert lifted(record(*rows), LADDER) is None
