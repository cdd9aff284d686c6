import pytest

from automl.search.rules.curve_stop import CurveStop, extrapolated
from automl.search.rules.median import FullTraining
from automl.trial.trial import CONTINUE, Decision

GOOD = [0.1 + 0.5 / e for e in range(1, 10)]


def rule(**options):
    """Return a rule that has seen three trials, the best one with GOOD."""
    made = CurveStop(FullTraining(9), 9, **options)
    for trial, shift in enumerate((0.0, 0.2, 0.4)):
        for epoch, loss in enumerate(GOOD, start=1):
            made.report(trial, epoch, (loss + shift,))
    return made


def last(made, trial, curve):
    return [made.report(trial, e, (loss,)) for e, loss in enumerate(curve, start=1)][-1]


def test_a_power_law_is_extrapolated_exactly():
    end, fit = extrapolated(dict(enumerate(GOOD[:5], start=1)), 100)
    assert end == pytest.approx(0.1 + 0.5 / 100, abs=1e-3)
    assert fit == pytest.approx(1.0)


def test_a_curve_that_ends_behind_the_best_is_stopped():
    verdict = last(rule(), 5, [loss + 0.3 for loss in GOOD[:4]])
    assert verdict.decision is Decision.STOP
    assert "extrapolated to epoch 9" in verdict.reason


def test_a_curve_that_catches_up_continues():
    assert last(rule(), 5, [0.05 + 0.9 / e for e in range(1, 5)]) == CONTINUE


def test_a_curve_that_no_law_explains_continues():
    assert last(rule(), 5, [0.9, 0.4, 0.9, 0.4]) == CONTINUE


def test_nobody_is_stopped_before_its_first_epochs_at_the_last_or_as_trial_0():
    bad = [loss + 0.3 for loss in GOOD]
    assert last(rule(), 5, bad[:2]) == CONTINUE
    assert last(rule(min_epochs=6), 5, bad[:5]) == CONTINUE
    assert rule().report(5, 9, (9.0,)) == CONTINUE
    assert last(rule(), 0, bad[:4]) == CONTINUE
