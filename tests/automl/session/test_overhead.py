"""What the controller itself costs: memory by the trial, time by the decision and at the start."""

import time
import tracemalloc

import numpy as np
import pytest
from searchers import EPOCHS, make, score_of
from simulation import Simulation

from automl.experiment.history import History
from automl.search.auto.curves import MAX_OBSERVATIONS, Curve, Ladder, observations
from automl.search.auto.rungs import geometric_rungs
from automl.trial.moves import Start
from automl.trial.trial import Outcome, TrialState

BYTES_PER_TRIAL = 6_000
SECONDS_PER_DECISION = {"auto": 0.2}
ELSE = 0.05


def test_memory_grows_by_a_little_per_trial_up_to_5000():
    """Complaint 14. All of searcher and history; a trial has at least its values and a report."""
    trials, history = 5000, History()
    search = Simulation(make("random", trials=trials), score_of("random"), epochs=EPOCHS)
    search.log = search.decisions = Forgetful(history)
    tracemalloc.start()
    try:
        while not search.fill():
            search.report()
            search.finish(search.running[0], Outcome(TrialState.STOPPED))
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(history.trials) == trials
    assert used / trials < BYTES_PER_TRIAL


class Forgetful:
    """Applies what a simulation logs to a history, and keeps nothing itself."""

    def __init__(self, history):
        self.history = history

    def append(self, entry):
        match entry:
            case ("start", Start() as move):
                self._tell("start", move.trial, values=move.values, epochs=move.epochs)
            case ("start", move):
                self._tell("continue", move.trial, epochs=move.epochs)
            case ("report", trial, epoch, value):
                self._tell("report", trial, epoch=epoch, metrics={"m": value}, decision="continue")
            case ("finish", trial, outcome):
                self._tell("finish", trial, state=outcome.state.value)

    def _tell(self, event, trial, **more):
        self.history.apply({"event": event, "trial": trial, "time": 0.0, **more})


def test_the_model_of_auto_is_told_of_a_bounded_number_of_trials():
    steps, rng = geometric_rungs(50), np.random.default_rng(0)
    curves = []
    for number in range(5000):
        curve = Curve({}, rng.random(5))
        for epoch in range(1, steps[number % len(steps)] + 1):
            curve.take(epoch, float(rng.random()))
        curves.append(curve)
    seen = observations(curves, Ladder(steps, look=3))
    assert len(np.unique(seen.trials)) <= MAX_OBSERVATIONS // 2 + 1


@pytest.mark.parametrize("name", ["random", "asha", "hyperband", "tpe", "bohb", "dehb", "auto"])
def test_a_decision_takes_less_than_50_ms_and_of_auto_200(name):
    """Complaint 15. Processor time, so that a busy machine makes no difference."""
    search = Simulation(make(name, trials=60), score_of(name), epochs=EPOCHS)
    before = time.process_time()
    search.run()
    moves = sum(kind == "start" for kind, *_ in search.log)
    assert (time.process_time() - before) / moves < SECONDS_PER_DECISION.get(name, ELSE)
