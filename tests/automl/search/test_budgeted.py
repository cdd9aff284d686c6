import pytest
from samplers import SPACE

from automl.search.budgeted import BudgetedSearcher
from automl.search.proposers.random import RandomProposer
from automl.search.rules.median import FullTraining
from automl.search.searcher import TrialSearcher
from automl.trial.budget import Budget
from automl.trial.moves import Done, Start, Wait
from automl.trial.objective import Objective
from automl.trial.trial import CONTINUE, Decision, Outcome, TrialState

OBJECTIVES = (Objective("m", "max"),)
COMPLETED = Outcome(TrialState.COMPLETED)


def budgeted(budget_epochs, terminator=None):
    inner = TrialSearcher(
        SPACE, OBJECTIVES, RandomProposer(SPACE, seed=0), FullTraining(4), trials=99, seed=0
    )
    return BudgetedSearcher(inner, Budget(99, 4, budget_epochs=budget_epochs), OBJECTIVES,
                            terminator)  # fmt: skip


def begin(searcher):
    move = searcher.next()
    assert isinstance(move, Start)
    searcher.start(move)
    return move.trial


def test_a_trial_is_stopped_when_no_other_epoch_is_left():
    searcher = budgeted(3)
    trial = begin(searcher)
    assert searcher.report(trial, 1, 0.1) == searcher.report(trial, 2, 0.1) == CONTINUE
    verdict = searcher.report(trial, 3, 0.1)
    assert verdict.decision is Decision.STOP
    assert verdict.reason == "the budget of 3 epochs is spent"


def test_a_running_trial_keeps_the_epoch_that_it_trains():
    searcher = budgeted(2)
    first, second = begin(searcher), begin(searcher)
    assert isinstance(searcher.next(), Wait)
    assert searcher.report(first, 1, 0.1).decision is Decision.STOP
    searcher.finish(first, Outcome(TrialState.STOPPED))
    searcher.report(second, 1, 0.1)
    searcher.finish(second, Outcome(TrialState.STOPPED))
    assert searcher.next() == Done()
    assert searcher.next().reason == "the budget of 2 epochs is spent"


def test_a_copy_pays_only_its_own_epochs():
    searcher = budgeted(3)
    trial = begin(searcher)
    searcher.report(trial, 1, 0.1)
    searcher.report(trial, 2, 0.1)
    searcher.finish(trial, Outcome(TrialState.PAUSED))
    searcher.start(Start(1, SPACE.defaults() | {"x": 0.1}, 4, parent=trial))
    assert searcher.report(1, 3, 0.1).decision is Decision.STOP


@pytest.mark.parametrize("is_over", [False, True])
def test_no_trial_starts_once_the_terminator_says_so(is_over):
    class Terminator:
        def __init__(self):
            self.seen = []

        def start(self, trial, values):
            self.seen.append(("start", trial))

        def report(self, trial, epoch, loss):
            self.seen.append(("report", loss))

        def finish(self, trial, outcome):
            self.seen.append(("finish", trial))

        def is_over(self):
            return is_over and len(self.seen) == 3

    terminator = Terminator()
    searcher = budgeted(None, terminator)
    trial = begin(searcher)
    searcher.report(trial, 1, 0.25)
    searcher.finish(trial, COMPLETED)
    assert terminator.seen == [("start", 0), ("report", (-0.25,)), ("finish", 0)]
    assert isinstance(searcher.next(), Done) == is_over
    assert not is_over or searcher.next().reason == "little further improvement is expected"
