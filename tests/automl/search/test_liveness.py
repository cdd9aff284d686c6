"""Every algorithm stays alive, whatever is reported, fails, is lost or cut, in whatever order."""

import math
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from searchers import EPOCHS, NAMES, SETTINGS, SEVERAL, SPACE, make
from simulation import CRASHED, Simulation, replayed

from automl.trial.moves import Done, Start
from automl.trial.trial import Failure, FailureKind, Outcome, TrialState

TRIALS, BUDGET = 12, 60
POPULATIONS = ("pbt", "pb2")
DEAR = ("auto", "bayesian", "bfbo", "pb2")
"""Whose models take most of the time."""
STOPPED = Outcome(TrialState.STOPPED)
LOST = Outcome(TrialState.FAILED, Failure(FailureKind.LOST, "the worker died"))
FULL = Outcome(TrialState.FAILED, Failure(FailureKind.OUT_OF_MEMORY, "no memory left"))
NUMBERS = st.one_of(st.floats(-1, 1), st.sampled_from([math.nan, math.inf, -math.inf, 0.0]))
PLACE = st.integers(0, 2)


class Liveness(RuleBasedStateMachine):
    """A search whose slots are filled before each event; a subclass names its algorithm.

    `Simulation` checks each move: a number starts once, only what is paused goes on, asking
    changes nothing, and nobody waits while nothing runs.
    """

    name = ""

    def new_searcher(self):
        return make(self.name, trials=TRIALS, budget_epochs=BUDGET)

    @initialize(slots=st.integers(1, 3), values=st.lists(NUMBERS, min_size=5, max_size=5))
    def begin(self, slots, values):
        def score(suggestion, epoch):
            value = values[(suggestion["n"] + epoch) % 5]
            return (value, float(suggestion["n"])) if self.name in SEVERAL else value

        self.search = Simulation(self.new_searcher(), score, epochs=EPOCHS, slots=slots)

    def running(self):
        return bool(self.search.running)

    def paused(self):
        return TrialState.PAUSED in self.search.state.values()

    def started(self):
        return bool(self.search.values)

    @precondition(running)
    @rule(place=PLACE, times=st.integers(1, 4))
    def report(self, place, times):
        for _ in range(times):
            if self.search.running:
                self.search.report(place)

    @precondition(running)
    @rule(place=PLACE, outcome=st.sampled_from([CRASHED, LOST, FULL, STOPPED]))
    def end(self, place, outcome):
        running = self.search.running
        self.search.finish(running[place % len(running)], outcome)

    @precondition(paused)
    @rule(place=PLACE, outcome=st.sampled_from([LOST, STOPPED]))
    def end_a_paused_one(self, place, outcome):
        paused = [n for n, s in self.search.state.items() if s is TrialState.PAUSED]
        self.search.finish(paused[place % len(paused)], outcome)

    @precondition(started)
    @rule(lr=st.floats(1e-3, 0.9))
    def add_by_hand(self, lr):
        """One more than the budget, if it has an epoch for it and the algorithm a place."""
        move = self.search.searcher.add({**SPACE.defaults(), "lr": lr})
        if isinstance(move, Start) and len(self.search.running) < self.search.slots:
            self.search.start(replace(move, request="x"))

    @rule(share=st.floats(0, 1))
    def cut_and_replay(self, share):
        """The journal ends earlier; what it holds makes the search that was there."""
        self.search = self.search.cut(self.new_searcher(), round(share * len(self.search.log)))

    @invariant()
    def no_slot_is_empty_while_work_is_left(self):
        if not hasattr(self, "search"):
            return
        search = self.search
        is_done = search.fill()
        assert len(search.running) <= search.slots
        assert all(search.state[n] is TrialState.RUNNING for n in search.running)
        assert is_done == (isinstance(search.searcher.next(), Done) and not search.running)
        if len(search.running) < search.slots:
            has_epoch = search.spent + len(search.running) + 1 <= BUDGET
            assert not (self.may_start() and has_epoch), "a slot is empty while work is left"

    def added(self):
        """How many trials were added by hand."""
        return sum(one[0] == "start" and getattr(one[1], "request", None) is not None
                   for one in self.search.log)  # fmt: skip

    def may_start(self):
        """Whether another trial may start; a population has places, of which ended ones keep."""
        states = list(self.search.state.values())
        taken = states.count(TrialState.COMPLETED) + len(self.search.running)
        places = SETTINGS[self.name]["population_size"] if self.name in POPULATIONS else math.inf
        return len(states) < TRIALS + self.added() and taken < places

    def teardown(self):
        if not hasattr(self, "search"):
            return
        search = self.search
        assert replayed(self.new_searcher(), search.log).next() == search.searcher.next()
        search.run()
        assert isinstance(search.searcher.next(), Done)
        assert search.spent <= BUDGET
        assert len(search.values) <= TRIALS + self.added()


@pytest.mark.parametrize("name", NAMES)
def test_any_order_of_events_keeps_the_search_alive(name):
    machine = type("Machine", (Liveness,), {"name": name})
    examples = 2 if name in DEAR else 10
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=25)
    )
