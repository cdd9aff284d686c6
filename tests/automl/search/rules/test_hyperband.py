import pytest

from automl.search.rules.hyperband import Hyperband
from automl.trial.moves import Continue, Start
from automl.trial.trial import Decision, Outcome, TrialState

PAUSED, FAILED = Outcome(TrialState.PAUSED), Outcome(TrialState.FAILED)


def paused(rule, trial, loss):
    """Train a new trial to its first level."""
    epochs = rule.first_epochs(trial)
    rule.start(Start(trial, {}, epochs))
    verdict = rule.report(trial, epochs, (loss,))
    rule.finish(trial, PAUSED)
    return verdict


@pytest.fixture
def rule():
    """Return brackets over 1, 3 and 9 epochs; the first has 9 trials."""
    return Hyperband(9)


def test_the_first_bracket_has_many_short_trials_and_the_next_fewer_longer_ones(rule):
    levels = []
    for trial in range(17):
        levels.append(rule.first_epochs(trial))
        rule.start(Start(trial, {}, levels[-1]))
    assert levels == [1] * 9 + [3] * 5 + [9] * 3


def test_the_best_third_of_a_full_rung_is_resumed_in_order(rule):
    verdicts = [paused(rule, trial, trial / 10) for trial in range(9)]
    assert {v.decision for v in verdicts} == {Decision.PAUSE}
    assert verdicts[4].reason == "rank 5 of 5 of its bracket at epoch 1"
    resumed = []
    while (move := rule.resume(is_last_call=False)) is not None:
        resumed.append((move.trial, move.epochs, move.reason))
        rule.start(move)
    assert resumed == [(n, 3, f"rank {n + 1} of 9 of its bracket at epoch 1") for n in range(3)]


def test_a_rung_that_is_not_full_resumes_nobody_until_the_last_call(rule):
    for trial in range(3):
        paused(rule, trial, trial / 10)
    assert rule.resume(is_last_call=False) is None
    assert rule.resume(is_last_call=True) == Continue(0, 3)


def test_the_place_of_a_failed_trial_goes_to_the_next_best(rule):
    for trial in range(9):
        paused(rule, trial, trial / 10)
    rule.start(Continue(0, 3))
    rule.finish(0, FAILED)
    for trial in (1, 2, 3):
        assert rule.resume(is_last_call=False) == Continue(trial, 3)
        rule.start(Continue(trial, 3))
        rule.report(trial, 3, (0.1 / trial,))
        rule.finish(trial, PAUSED)
    assert rule.resume(is_last_call=False) == Continue(3, 9)


def test_the_last_level_is_trained_to_its_end(rule):
    for trial in range(14):
        rule.start(Start(trial, {}, rule.first_epochs(trial)))
    rule.start(Start(14, {}, 9))
    assert rule.report(14, 9, (0.5,)).decision is Decision.CONTINUE
