"""Which rungs tell trials apart: those beyond jitter, that last, and that the end confirms."""

import numpy as np
import pytest

from automl.search.auto.curves import Curve, observations
from automl.search.auto.rungs import first_epochs, geometric_rungs, ladder_of, tells

EPOCHS = 20
RUNGS = geometric_rungs(EPOCHS)


def curves(*table):
    return [Curve({}, np.full(1, i), list(row)) for i, row in enumerate(table)]


def test_rungs_grow_to_the_full_training():
    assert geometric_rungs(50) == [3, 4, 6, 9, 14, 21, 32, 50]
    assert geometric_rungs(1) == [1]
    assert all(
        a < b
        for e in range(1, 120)
        for a, b in zip(geometric_rungs(e), geometric_rungs(e)[1:], strict=False)
    )


@pytest.mark.parametrize(("first", "expected"), [(lambda i: i, 1), (lambda i: (7 * i) % 10, 3)])
def test_an_earlier_epoch_serves_where_its_ranks_agree(first, expected):
    curves = [Curve({}, np.zeros(1), [100.0 + first(i), 60.0 + first(i), i]) for i in range(10)]
    assert first_epochs(curves, geometric_rungs(50)) == expected


def test_equal_losses_tell_nothing_and_different_ones_do():
    assert tells(curves(*[[0.5] * 3] * 4), 3) is False
    assert tells(curves([0.9, 0.8, 0.7], [0.9, 0.7, 0.6]), 3) is True


def test_too_few_equal_trials_prove_nothing():
    assert tells(curves(*[[0.5] * 3] * 3), 3) is None
    assert tells(curves([0.5] * 3), 3) is None


def test_jitter_around_a_plateau_tells_nothing():
    rng = np.random.default_rng(0)
    plateau = 1 + 0.01 * rng.standard_normal((12, 6))
    assert tells(curves(*plateau), 6) is False
    plateau[3, 3:] -= 0.2
    assert tells(curves(*plateau), 6) is True


def test_a_lead_that_was_lost_by_those_that_trained_on_was_none():
    """As of an untrained network, which may score more than one that predicts one class."""
    alike = [[0.78] * 6] * 5
    lost = [0.75, 0.74, 0.75, 0.78, 0.78, 0.78]
    assert tells(curves(*alike, lost[:3]), 3) is True
    assert tells(curves(*alike, lost), 3) is False
    assert tells(curves(*alike, lost, lost[:3]), 3) is False


def test_the_ladder_begins_where_trials_differ_and_only_later_losses_are_seen():
    alike = [[0.9, 0.8, 0.7, 0.6, 0.5, 0.4] for _ in range(4)]
    late = [[*row, 0.3, 0.2, 0.1 * i] for i, row in enumerate(alike)]
    assert ladder_of(curves(*alike), RUNGS).is_blind
    ladder = ladder_of(curves(*late, *alike), RUNGS)
    assert (ladder.rungs, ladder.look, ladder.since) == ([9, 14, 20], 9, 9)
    assert not ladder.is_blind
    seen = observations(curves(*late, *alike), ladder)
    assert seen is not None
    assert sorted(seen.trials) == [0, 1, 2, 3]


def test_while_no_rung_tells_new_trials_are_looked_at_early():
    ladder = ladder_of(curves(*[[0.5] * 3] * 4), RUNGS)
    assert (ladder.rungs[0], ladder.look, ladder.is_blind) == (4, 3, True)


@pytest.mark.parametrize(("rise", "first"), [(0.0, 3), (0.5, 20)])
def test_losses_before_a_jump_of_finished_trials_are_left_out(rise, first):
    early = [[0.9 - 0.1 * i] * 3 + [0.8 - 0.1 * i] * 11 for i in range(4)]
    finished = [[*row, *[0.3 + rise] * 6] for row in early[2:]]
    assert ladder_of(curves(*early[:2], *finished), RUNGS).rungs[0] == first


def test_a_dip_of_those_that_left_a_plateau_is_no_jump():
    alike = [[0.78] * 6] * 6
    learned = [[0.78] * 6 + [0.7, 0.6, 0.55, 0.56] + [0.56] * 10] * 2
    assert ladder_of(curves(*alike, *learned), RUNGS).rungs[0] == 9


def test_a_slow_rise_leaves_the_early_losses_in():
    """As of networks that overfit: their best checkpoint is from before."""
    early = [[0.9 - 0.1 * i] * 3 for i in range(4)]
    finished = [[*row, 0.4, *np.linspace(0.4, 1.4, 16)] for row in early[2:]]
    assert ladder_of(curves(*early[:2], *finished), RUNGS).rungs == RUNGS
