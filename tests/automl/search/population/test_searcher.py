import pytest

from automl.search.population.searcher import PopulationSearcher
from automl.space.space import Parameter, SearchSpace
from automl.trial.moves import Continue, Done, Start, Wait
from automl.trial.objective import Objective
from automl.trial.trial import Decision, Outcome, TrialState

SPACE = SearchSpace({"x": Parameter("x", "float", 0.5, low=0.0, high=1.0)}, {})
PAUSED, FAILED = Outcome(TrialState.PAUSED), Outcome(TrialState.FAILED)


class Nudge:
    """Moves a donor's value a little."""

    def explore(self, donor, members, seed):
        return {"x": members[donor].values["x"] * 0.99}


def population(**options):
    words = {"trials": 12, "epochs": 6, "population": 4, "interval": 2, "generations": None}
    return PopulationSearcher(
        SPACE, Objective("m", "min"), Nudge(), **{**words, **options}, first=[], seed=0
    )


def step(searcher, loss=None):
    """Carry out the next move at one worker; return it."""
    move = searcher.next()
    searcher.start(move)
    searcher.report(move.trial, move.epochs, move.trial if loss is None else loss)
    state = TrialState.COMPLETED if move.epochs == 6 else TrialState.PAUSED
    searcher.finish(move.trial, Outcome(state))
    return move


def test_the_population_is_filled_first_with_the_defaults_ahead():
    moves = [step(searcher) for searcher in [population()] for _ in range(4)]
    assert [(m.trial, m.epochs, m.parent) for m in moves] == [(n, 2, None) for n in range(4)]
    assert [m.reason for m in moves] == ["the defaults", *["drawn at random"] * 3]


def test_a_member_pauses_after_each_step_with_its_rank():
    searcher = population()
    searcher.start(searcher.next())
    assert searcher.report(0, 1, 0.5).decision is Decision.CONTINUE
    verdict = searcher.report(0, 2, 0.5)
    assert verdict.decision is Decision.PAUSE
    assert verdict.reason == "rank 1 of 1 of the population after its step to epoch 2"


def test_the_worst_is_replaced_by_a_changed_copy_of_the_best():
    searcher = population()
    for _ in range(4):
        step(searcher)
    moves = [step(searcher) for _ in range(4)]
    assert [type(m) for m in moves] == [Continue, Continue, Continue, Start]
    copy = moves[-1]
    assert (copy.trial, copy.parent, copy.epochs) == (4, 0, 6)
    assert copy.reason.startswith("a changed copy of trial 0000, which replaces trial 0003")


def test_a_failed_member_is_replaced_by_a_copy_of_the_best():
    searcher = population()
    for _ in range(3):
        step(searcher)
    move = searcher.next()
    searcher.start(move)
    searcher.finish(move.trial, FAILED)
    copy = searcher.next()
    assert (copy.trial, copy.parent) == (4, 0)
    assert copy.reason.endswith("fills the place of a trial that ended")


@pytest.mark.parametrize(("generations", "copies"), [(None, True), (0, False)])
def test_no_copy_is_made_after_the_last_generation(generations, copies):
    searcher = population(generations=generations)
    moves = [step(searcher) for _ in range(8)]
    assert any(isinstance(m, Start) and m.parent is not None for m in moves) == copies


def test_it_waits_for_running_members_and_ends_when_all_are_complete():
    searcher = population(trials=1)
    searcher.start(searcher.next())
    assert isinstance(searcher.next(), Wait)
    searcher.report(0, 2, 0.5)
    searcher.finish(0, PAUSED)
    assert step(searcher, 0.4) == Continue(0, 4)
    assert step(searcher, 0.3) == Continue(0, 6)
    assert isinstance(searcher.next(), Done)
