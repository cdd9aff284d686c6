import pytest

from automl.search.rules.median import FullTraining, MedianStop
from automl.trial.trial import CONTINUE, Decision


def reported(rule, curves):
    """Report curves side by side; return the last verdict of each."""
    verdicts = {}
    for epoch in range(1, max(map(len, curves)) + 1):
        for trial, curve in enumerate(curves):
            if len(curve) >= epoch:
                verdicts[trial] = rule.report(trial, epoch, (curve[epoch - 1],))
    return verdicts


def test_a_full_training_is_never_stopped():
    rule = FullTraining(9)
    assert rule.first_epochs(3) == 9
    assert rule.report(3, 1, (float("nan"),)) == CONTINUE
    assert rule.resume(is_last_call=True) is None


def test_the_worse_half_is_stopped_once_four_others_have_reached_the_epoch():
    verdicts = reported(MedianStop(9), [[0.1] * 3, [0.2] * 3, [0.3] * 3, [0.4] * 3, [0.5] * 3])
    assert [verdicts[n].decision for n in range(5)] == [Decision.CONTINUE] * 4 + [Decision.STOP]
    assert verdicts[4].reason == "worse than the median of 4 trials at epoch 3"


def test_three_others_stop_nobody():
    verdicts = reported(MedianStop(9), [[0.1] * 3, [0.2] * 3, [0.3] * 3, [0.9] * 3])
    assert set(verdicts.values()) == {CONTINUE}


def test_the_best_value_so_far_counts():
    curves = [[0.1] * 4, [0.2] * 4, [0.3] * 4, [0.4] * 4, [0.15, 0.9, 0.9, 0.9]]
    assert reported(MedianStop(9), curves)[4] == CONTINUE


@pytest.mark.parametrize("epoch", [1, 2, 9])
def test_nobody_is_stopped_in_the_first_epochs_or_at_the_last(epoch):
    rule = MedianStop(9)
    for trial in range(4):
        rule.report(trial, epoch, (0.1,))
    assert rule.report(4, epoch, (9.0,)) == CONTINUE


def test_a_trial_without_a_finite_value_is_worse_than_any():
    curves = [[0.1] * 3, [0.2] * 3, [0.3] * 3, [0.4] * 3, [float("nan")] * 3]
    assert reported(MedianStop(9), curves)[4].decision is Decision.STOP
