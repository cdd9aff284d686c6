"""What holds for every algorithm; test_liveness.py adds any order of events."""

import pytest
from searchers import EPOCHS, NAMES, SETTINGS, SEVERAL, SPACE, make, score_of
from simulation import CRASHED, Simulation

from automl.search.algorithms import make_searcher
from automl.trial.budget import Budget
from automl.trial.moves import Continue, Start
from automl.trial.objective import Objective
from automl.trial.trial import TrialState


def simulated(name, *, slots=1, sign=1, **more):
    mode = "max" if sign == 1 else "min"
    return Simulation(
        make(name, mode=mode, **more), score_of(name, sign=sign), epochs=EPOCHS, slots=slots
    )


@pytest.mark.parametrize("slots", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_a_search_ends_with_a_full_training_and_no_two_trials_alike(name, slots):
    done = simulated(name, slots=slots).run()
    assert [fault for values in done.values.values() for fault in SPACE.faults(values)] == []
    assert len({str(sorted(v.items())) for v in done.values.values()}) == len(done.values)
    assert done.values[0] == SPACE.defaults()
    assert EPOCHS in done.epoch.values()
    assert 4 <= len(done.values) <= 12


@pytest.mark.parametrize("name", NAMES)
def test_minimise_and_maximise_give_mirrored_decisions(name):
    high, low = simulated(name, slots=2).run(), simulated(name, slots=2, sign=-1).run()
    assert high.values == low.values
    assert (high.epoch, high.state) == (low.epoch, low.state)


@pytest.mark.parametrize("name", NAMES)
def test_the_epochs_of_the_budget_are_never_overdrawn(name):
    done = simulated(name, slots=3, trials=1000, budget_epochs=40).run()
    assert 30 <= done.spent <= 40


@pytest.mark.parametrize("name", NAMES)
def test_failed_trials_never_rank(name):
    """Trials of choice x fail after an excellent report; nobody goes on from them."""
    search = simulated(name, trials=12)
    good = search.score
    search.score = lambda values, epoch: (
        _excellent(name) if values["c"] == "x" else good(values, epoch)
    )
    for _ in range(500):
        if search.fill():
            break
        search.report()
        for trial in [t for t in search.running if search.values[t]["c"] == "x"]:
            search.finish(trial, CRASHED)
        for trial in [t for t, s in search.state.items() if s is TrialState.PAUSED]:
            if search.values[trial]["c"] == "x":
                search.state[trial] = TrialState.FAILED
                search.searcher.finish(trial, CRASHED)
    assert search.fill()
    assert all(
        search.epoch[t] <= 2 or search.state[t] is not TrialState.FAILED for t in search.values
    )
    assert any(search.values[t]["c"] != "x" for t in search.values)


def _excellent(name):
    return (1e6, 1e6) if name in SEVERAL else 1e6


@pytest.mark.parametrize("name", ["asha", "hyperband", "bohb", "hyperband_es", "moasha", "pbt"])
def test_paused_trials_go_on_where_they_were(name):
    done = simulated(name, slots=2).run()
    assert any(kind == "start" and isinstance(rest[0], Continue) for kind, *rest in done.log)


@pytest.mark.parametrize("name", ["pbt", "pb2"])
def test_a_population_copies_its_best_and_changes_booleans_and_categories_too(name):
    copied = []
    for seed in range(6 if name == "pbt" else 2):
        done = simulated(name, seed=seed, trials=16).run()
        starts = [rest[0] for kind, *rest in done.log if kind == "start"]
        copied += [
            (done.values[m.parent], m.values)
            for m in starts
            if isinstance(m, Start) and m.parent is not None
        ]
    assert copied
    for key in ("lr", "on", "c", "n"):
        assert any(before[key] != after[key] for before, after in copied), key


def test_what_makes_the_model_stays_in_a_copy():
    searcher = make_searcher(
        "pbt", SPACE, Objective("m", "max"), Budget(16, EPOCHS), seed=0,
        algorithm_options=SETTINGS["pbt"], kept=["n", "c"],
    )  # fmt: skip
    done = Simulation(searcher, score_of("pbt"), epochs=EPOCHS).run()
    starts = [rest[0] for kind, *rest in done.log if kind == "start"]
    copies = [m for m in starts if isinstance(m, Start) and m.parent is not None]
    assert copies
    for move in copies:
        assert [move.values[k] for k in "nc"] == [done.values[move.parent][k] for k in "nc"]
