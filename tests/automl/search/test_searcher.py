import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl.search.algorithms import make_searcher
from automl.space.space import Parameter, SearchSpace
from automl.trial.budget import Budget
from automl.trial.moves import Done, Start, Wait
from automl.trial.objective import Objective
from automl.trial.trial import CONTINUE, Failure, FailureKind, Outcome, TrialState

SPACE = SearchSpace(
    {
        "lr": Parameter("lr", "float", 0.01, low=1e-4, high=1.0, is_log=True),
        "on": Parameter("on", "bool", True, choices=(False, True)),
        "p": Parameter("p", "float", 0.5, low=0.0, high=1.0, active_when=({"on": True},)),
        "n": Parameter("n", "int", 4, low=1, high=9),
    },
    {},
)
STOPPED, COMPLETED = Outcome(TrialState.STOPPED), Outcome(TrialState.COMPLETED)
CRASHED = Outcome(TrialState.FAILED, Failure(FailureKind.CRASHED, "broke"))


def searcher(*, trials=8, epochs=9, mode="max", seed=0):
    return make_searcher("tpe", SPACE, Objective("m", mode), Budget(trials, epochs), seed=seed)


def run(search, score):
    """Run one trial after another; return their values and last epochs."""
    history = []
    while isinstance(move := search.next(), Start):
        search.start(move)
        outcome = COMPLETED
        for epoch in range(1, move.epochs + 1):
            if search.report(move.trial, epoch, score(move.values, epoch)) != CONTINUE:
                outcome = STOPPED
                break
        search.finish(move.trial, outcome)
        history.append((move.values, epoch))
    assert isinstance(move, Done)
    return history


def score(values, epoch):
    return -abs(math.log10(values["lr"]) + 1) - 1 / epoch


def test_trial_0_has_the_defaults_and_is_never_stopped_early():
    history = run(searcher(), lambda values, epoch: -epoch if values["lr"] == 0.01 else 1.0)
    assert history[0] == ({"lr": 0.01, "n": 4, "on": True, "p": 0.5}, 9)


def test_all_suggestions_are_inside_the_space_and_differ():
    history = [values for values, _ in run(searcher(trials=40), score)]
    assert [fault for values in history for fault in SPACE.faults(values)] == []
    assert len({tuple(sorted(v.items())) for v in history}) == 40
    assert {v["on"] for v in history} == {True, False}


def test_the_same_seed_gives_the_same_suggestions_and_another_seed_others():
    assert run(searcher(seed=3), score) == run(searcher(seed=3), score)
    assert run(searcher(seed=3), score) != run(searcher(seed=4), score)


def test_minimise_and_maximise_give_mirrored_decisions():
    low = run(searcher(mode="min"), lambda values, epoch: -score(values, epoch))
    assert low == run(searcher(mode="max"), score)


def test_the_search_finds_better_values_than_the_defaults():
    values = [v["lr"] for v, _ in run(searcher(trials=40), score)]
    late = sorted(abs(math.log10(lr) + 1) for lr in values[20:])
    assert late[10] < 0.5 < abs(math.log10(values[0]) + 1)


def test_next_asks_without_changing_anything():
    search = searcher()
    assert search.next() == search.next()


def test_it_waits_for_running_trials_and_is_done_after_them():
    search = searcher(trials=1)
    search.start(search.next())
    assert isinstance(search.next(), Wait)
    search.finish(0, CRASHED)
    assert isinstance(search.next(), Done)


EVENTS = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["report", "crash", "start"]), st.floats()),
    max_size=40,
)


@settings(max_examples=25, deadline=None)
@given(EVENTS, st.sampled_from(["max", "min"]))
def test_a_replayed_history_gives_the_same_next_suggestion(events, mode):
    first, second = searcher(trials=5, mode=mode), searcher(trials=5, mode=mode)
    running, log = {}, []
    for place, kind, value in events:
        if kind == "start" and isinstance(move := first.next(), Start):
            first.start(move)
            log.append(("start", move))
            running[move.trial] = 0
        elif running:
            trial = sorted(running)[place % len(running)]
            if kind == "report":
                running[trial] += 1
                verdict = first.report(trial, running[trial], value)
                log.append(("report", trial, running[trial], value))
                if verdict == CONTINUE and running[trial] < 9:
                    continue
            outcome = STOPPED if kind == "report" else CRASHED
            first.finish(trial, outcome)
            log.append(("finish", trial, outcome))
            del running[trial]
    for method, *arguments in log:
        getattr(second, method)(*arguments)
    assert second.next() == first.next()


@pytest.mark.parametrize("mode", ["max", "min"])
def test_failed_trials_are_no_values(mode):
    search = searcher(trials=6, mode=mode)
    for number in range(6):
        move = search.next()
        search.start(move)
        if number:
            search.finish(move.trial, CRASHED)
        else:
            assert search.report(move.trial, 1, 0.5) == CONTINUE
            search.finish(move.trial, COMPLETED)
    assert isinstance(search.next(), Done)
