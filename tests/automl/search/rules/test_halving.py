import pytest

from automl.search.rules.halving import HalvingPromote, HalvingStop, halving_rungs
from automl.trial.moves import Continue, Start
from automl.trial.trial import Decision, Outcome, TrialState

PAUSED = Outcome(TrialState.PAUSED)


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [(1, []), (2, []), (3, [1]), (9, [3]), (20, [6]), (50, [5, 16]), (243, [3, 9, 27, 81])],
)
def test_rungs_are_whole_divisions_of_a_full_training(epochs, expected):
    assert halving_rungs(epochs) == expected


def test_the_best_third_goes_on():
    rule = HalvingStop(9)
    losses = [-0.5, -0.4, -0.6, -0.3, -0.2, -0.55]
    kept = [rule.report(i, 3, (v,)).decision is Decision.CONTINUE for i, v in enumerate(losses)]
    assert kept == [True, False, True, False, False, True]


def test_a_late_first_report_is_compared_at_every_rung_it_passed():
    rule = HalvingStop(27)
    assert rule.report(0, 10, (-0.9,)).decision is Decision.CONTINUE
    assert rule.report(1, 10, (-0.1,)).decision is Decision.STOP
    assert rule.report(2, 3, (-0.5,)).decision is Decision.STOP


def test_nobody_is_compared_twice_at_a_rung():
    rule = HalvingStop(9)
    assert rule.report(0, 3, (-0.1,)).decision is Decision.CONTINUE
    assert rule.report(1, 3, (-0.9,)).decision is Decision.CONTINUE
    assert rule.report(0, 4, (-0.1,)).decision is Decision.CONTINUE


def test_a_value_that_is_not_finite_never_outlives_a_finite_one():
    rule = HalvingStop(3)
    assert rule.report(0, 1, (0.5,)).decision is Decision.CONTINUE
    assert rule.report(1, 1, (float("nan"),)).decision is Decision.STOP


def pause_all(rule, losses):
    for trial, loss in enumerate(losses):
        rule.start(Start(trial, {}, rule.first_epochs(trial)))
        assert rule.report(trial, rule.first_epochs(trial), loss).decision is Decision.PAUSE
        rule.finish(trial, PAUSED)


def test_everybody_pauses_at_a_rung_and_the_best_third_is_promoted():
    rule = HalvingPromote(9)
    pause_all(rule, [(0.3,), (0.1,)])
    assert rule.resume(is_last_call=False) is None
    pause_all_more = [(0.2,)]
    rule.start(Start(2, {}, 1))
    assert rule.report(2, 1, pause_all_more[0]).decision is Decision.PAUSE
    rule.finish(2, PAUSED)
    assert rule.resume(is_last_call=False) == Continue(1, 3)


def test_a_search_that_would_end_without_a_full_training_promotes_its_best():
    rule = HalvingPromote(9)
    pause_all(rule, [(0.3,), (0.1,)])
    assert rule.resume(is_last_call=True) == Continue(1, 3)


def test_several_objectives_are_promoted_by_front():
    rule = HalvingPromote(9)
    pause_all(rule, [(1.0, 1.0), (0.5, 2.0), (2.0, 2.0), (0.4, 0.9), (3.0, 3.0), (9.0, 9.0)])
    assert rule.resume(is_last_call=False) == Continue(3, 3)


def test_a_failed_trial_leaves_its_rung():
    rule = HalvingPromote(3)
    pause_all(rule, [(0.1,), (0.2,), (0.3,)])
    rule.start(Continue(0, 3))
    rule.finish(0, Outcome(TrialState.FAILED))
    assert rule.resume(is_last_call=True) == Continue(1, 3)
