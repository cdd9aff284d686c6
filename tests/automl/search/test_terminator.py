import subprocess
import sys

import pytest
from samplers import COMPLETED, CRASHED, SPACE

from automl.search.terminator import ImprovementTerminator

EPOCHS = 4


def terminator(losses, *, epochs=EPOCHS, outcome=COMPLETED):
    """Return a terminator that has seen trials with these losses at an epoch."""
    made = ImprovementTerminator(SPACE, EPOCHS, seed=0)
    for trial, loss in enumerate(losses):
        made.start(trial, {"x": trial / len(losses), "n": 1 + trial % 4, "c": "ab"[trial % 2]})
        made.report(trial, epochs, (loss,))
        made.finish(trial, outcome)
    return made


FLAT = [0.1, *([0.5] * 29)]
"""The best trial is the first, and the others are all alike: a forest expects nothing better."""


def test_a_search_ends_once_nothing_better_is_expected():
    assert terminator(FLAT).is_over()


def test_it_goes_on_while_losses_fall_along_a_parameter():
    assert not terminator([1 - trial / 30 for trial in range(30)]).is_over()


@pytest.mark.parametrize("count", [5, 19])
def test_it_never_ends_with_few_trials(count):
    assert not terminator(FLAT[:count]).is_over()


def test_it_never_ends_while_the_best_is_among_the_last_ten():
    assert not terminator([0.5] * 25 + [0.1] + [0.5] * 5).is_over()


def test_it_never_ends_before_a_trial_was_trained_in_full():
    assert not terminator(FLAT, epochs=EPOCHS - 1).is_over()


@pytest.mark.parametrize("jitter", [0.0, 0.01])
def test_it_goes_on_while_most_were_stopped_early_on_a_plateau(jitter):
    """As where a rare class is learned late: the first epochs are alike, whatever comes."""
    for losses in ([0.1], [0.5]):
        made = terminator(losses)
        for trial in range(1, 30):
            made.start(trial, {"x": trial / 30, "n": 1 + trial % 4, "c": "ab"[trial % 2]})
            made.report(trial, 1, (0.5 + jitter * (trial % 3),))
            made.finish(trial, COMPLETED)
        assert not made.is_over()


def test_failed_trials_do_not_count():
    assert not terminator(FLAT, outcome=CRASHED).is_over()


def test_equal_losses_end_a_search():
    assert terminator([0.5] * 30).is_over()


def test_a_question_without_news_gives_the_same_answer():
    made = terminator(FLAT)
    assert made.is_over() == made.is_over()


def test_no_forest_is_loaded_until_one_is_fitted():
    """Loading it takes half a second of every search's start."""
    code = (
        "import sys, automl.search.terminator; print({'sklearn', 'scipy.stats'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
