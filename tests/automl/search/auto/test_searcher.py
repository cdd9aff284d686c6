"""What `auto` does beyond what holds for every algorithm (test_algorithms.py)."""

import math

import numpy as np
import pytest
from scipy.special import ndtri
from simulation import Simulation

from automl.search.algorithms import make_searcher
from automl.search.auto.acquisition import (
    BEYOND,
    KNOWLEDGE,
    Leaders,
    Offers,
    Prices,
    gains,
    improvement_rate,
    knowledge_rate,
    share_of_failures,
)
from automl.search.auto.candidates import OPENING, Candidates
from automl.search.auto.curves import Curve, Ladder, observations, repeated, times_of
from automl.search.auto.features import Features
from automl.search.auto.hyperparameters import tuned
from automl.search.auto.kernel import Hyperparameters
from automl.search.auto.model import CurveModel, Observations
from automl.search.auto.rungs import geometric_rungs
from automl.search.auto.searcher import AutoSearcher
from automl.space.space import Parameter, SearchSpace
from automl.trial.budget import UNLIMITED, Budget
from automl.trial.moves import Start
from automl.trial.objective import Objective
from automl.trial.trial import Decision, Failure, FailureKind, Outcome, PastTrial, TrialState

EPOCHS = 50
SPACE = SearchSpace(
    {
        "lr": Parameter("lr", "float", 0.01, low=1e-4, high=1.0, is_log=True),
        "on": Parameter("on", "bool", True, choices=(False, True)),
        "p": Parameter("p", "float", 0.5, low=0.0, high=1.0, active_when=({"on": True},)),
        "batch": Parameter("batch", "int", 8, low=1, high=64),
    },
    {},
)


def score(values, epoch):
    good = -((math.log10(values["lr"]) + 2.7) ** 2) - (values.get("p", 1.0) - 0.8) ** 2
    return good - 1 / epoch


def simulated(score=score, *, slots=1, seed=0, budget_epochs=300, past=()):
    budget = Budget(UNLIMITED, EPOCHS, budget_epochs=budget_epochs)
    searcher = make_searcher("auto", SPACE, Objective("m", "max"), budget, seed=seed, past=past)
    return Simulation(searcher, score, epochs=EPOCHS, slots=slots)


def test_it_finds_better_than_random_draws_for_the_same_epochs():
    """Random draws of as many epochs are six full trainings."""
    done = simulated().run()
    best = max(score(v, e) for t, v in done.values.items() for e in [done.epoch[t]] if e)
    rng = np.random.default_rng(0)
    random = [max(score(SPACE.sample(rng), EPOCHS) for _ in range(6)) for _ in range(20)]
    assert best > np.quantile(random, 0.9)
    assert len(done.values) > 12
    assert EPOCHS in done.epoch.values()


def test_no_two_slots_train_the_same():
    done = simulated(slots=4, budget_epochs=150).run()
    assert done.spent == 150
    assert len({str(v) for v in done.values.values()}) == len(done.values)


@pytest.mark.parametrize("slots", [1, 3])
def test_a_move_kept_from_judging_a_trial_is_the_one_chosen_anew(slots, monkeypatch):
    """`next` asks after every event, and an event that came between is heeded."""
    chosen = []
    choose = AutoSearcher._choose

    def noted(searcher, **at_rung):
        chosen.append(choose(searcher, **at_rung))
        return chosen[-1]

    monkeypatch.setattr(AutoSearcher, "_choose", noted)
    searcher = AutoSearcher(SPACE, Objective("m", "max"), Budget(UNLIMITED, EPOCHS), seed=0)
    search = Simulation(searcher, score, epochs=EPOCHS, slots=slots)
    kept = 0
    while len(search.values) < 16:
        search.fill()
        before = len(chosen)
        decision = search.report(len(chosen))
        asked = len(chosen)
        move = searcher.next()
        if decision is Decision.PAUSE and asked == before + 1 == len(chosen):
            kept += 1
            assert move == choose(searcher)
    assert kept > 3


def test_a_region_without_memory_is_left():
    """Half of the range is too large."""
    out = Outcome(TrialState.FAILED, Failure(FailureKind.OUT_OF_MEMORY, "CUDA"))
    large, later = [], []
    for seed in range(3):
        search = simulated(budget_epochs=250, seed=seed)
        while not search.fill():
            for trial in list(search.running):
                if search.values[trial]["batch"] > 32:
                    large.append((seed, trial))
                    search.finish(trial, out)
                else:
                    search.report()
        later += [(seed, t) for t in search.values if t >= 10]
    assert len(later) > 30
    assert sum(seed == 0 for seed, _ in large) >= 2
    assert sum(t in large for t in later) / len(later) < 0.25


def test_a_diverged_trial_never_goes_on_and_is_no_value():
    search = simulated(lambda v, e: math.nan if v["lr"] > 0.01 else score(v, e), budget_epochs=120)
    done = search.run()
    hot = [t for t, v in done.values.items() if v["lr"] > 0.01]
    assert hot
    assert all(done.epoch[t] == 1 and done.state[t] is TrialState.STOPPED for t in hot)


def test_good_trials_of_an_earlier_experiment_are_tried_right_after_the_defaults():
    good = {"lr": 0.002, "on": True, "p": 0.8, "batch": 4}
    search = simulated(past=[PastTrial(good, {1: -0.9, 50: -0.01})])
    search.fill()
    assert search.values[0] == SPACE.defaults()
    search.searcher.report(0, 1, -1.0)
    move = simulated(past=[PastTrial(good, {1: -0.9})], slots=2)
    move.fill()
    assert move.values[1] == good


def test_only_a_moving_curve_is_a_repetition():
    flat = [Curve({}, np.zeros(1), [0.5] * 3) for _ in range(2)]
    assert repeated(flat[1], flat) is None
    moving = [Curve({}, np.zeros(1), [0.5, 0.4, 0.3]) for _ in range(2)]
    assert repeated(moving[1], moving) == 0


def test_after_three_repeats_in_a_row_one_trains_on():
    """What differs may act later than the losses that are equal."""
    search = simulated()
    stops = []
    for trial in range(8):
        search.fill()
        for epoch in (1, 2, 3):
            value = 10 * (trial == 1) - 1 / epoch
            verdict = search.searcher.report(trial, epoch, value)
        stops.append(verdict.decision is Decision.STOP)
        search.finish(trial, Outcome(verdict.decision.state))
    assert stops == [False, False, True, True, True, False, True, True]


def test_observations_do_not_depend_on_the_unit():
    rng = np.random.default_rng(0)
    losses = rng.random((9, 4))
    ladder = Ladder(geometric_rungs(EPOCHS), look=3)
    told = [
        observations([Curve({}, np.zeros(1), list(row)) for row in table], ladder)
        for table in (losses, 1e6 * losses - 5)
    ]
    assert told[0] is not None and told[1] is not None
    assert np.array_equal(told[0].losses, told[1].losses)


def test_a_choice_that_differs_is_one_apart_and_so_is_a_switch():
    features = Features(SPACE)
    on = features.of({"lr": 0.01, "on": True, "p": 0.5, "batch": 8})
    off = features.of({"lr": 0.01, "on": False, "batch": 8})
    assert np.square(on - off).sum() == pytest.approx(2)
    assert len(features.groups) == len(on) == 6


def test_the_model_learns_which_parameter_matters():
    rng = np.random.default_rng(0)
    points = rng.random((60, 3))
    truth = np.sin(5 * points[:, 0])
    times = rng.choice([0.3, 1.0], 60)
    seen = Observations(points, times, np.arange(60), truth - times)
    hyper = tuned(seen, np.arange(3), Hyperparameters.prior(3), steps=20)
    assert np.argmin(hyper.theta[:3]) == 0
    model = CurveModel(seen, np.arange(3), hyper)
    fresh = rng.random((50, 3))
    outlook = model.outlook(fresh, np.full(50, -1), np.ones(1))
    assert np.corrcoef(outlook.mean[0], np.sin(5 * fresh[:, 0]))[0, 1] > 0.95
    assert (outlook.deviation > 0).all()
    assert model.foresight() > 0.9


def test_no_fall_is_expected_before_one_was_seen():
    rng = np.random.default_rng(0)
    losses = rng.standard_normal(12)
    seen = Observations(rng.random((12, 2)), np.full(12, 0.3), np.arange(12), losses)
    model = CurveModel(seen, np.arange(2), Hyperparameters.prior(2))
    soon, late = model.means(seen.points, seen.trials, np.array([0.3, 1.0]))
    assert late.mean() == pytest.approx(soon.mean(), abs=0.1)
    assert np.corrcoef(late, losses)[0, 1] > 0.9


def seen_and_model():
    rng = np.random.default_rng(0)
    times = rng.choice([0.3, 0.6], 12)
    losses = rng.standard_normal(12)
    seen = Observations(rng.random((12, 2)), times, np.arange(12) // 2, losses)
    return seen, CurveModel(seen, np.arange(2), Hyperparameters.prior(2))


def test_means_are_those_of_the_predictions():
    seen, model = seen_and_model()
    asked = seen.points, seen.trials, np.array([0.3, 0.8, 1.0])
    outlook = model.outlook(*asked)
    assert np.array_equal(model.means(*asked), outlook.mean)
    assert outlook.mean.shape == outlook.deviation.shape == (3, 12)


def test_sway_squared_is_the_variance_that_the_observation_takes_away():
    seen, model = seen_and_model()
    points, trials, end = np.array([[0.2, 0.9], seen.points[4]]), np.array([-1, 2]), np.ones(1)
    both = np.stack([points[0], points[1], seen.points[6]])
    numbers = np.array([-1, 2, 3])
    times, is_asked = np.array([0.3, 0.8, 1.0]), np.array([True, True, False])
    outlook = model.outlook(points, trials, times)
    own, other = model.sway(outlook, is_asked, other=seen.points[6], trial=3)
    before = model.outlook(both, numbers, end).variance
    for t, time in enumerate(times[is_asked]):
        for p in range(2):
            more = seen.with_more(
                points[p : p + 1], np.array([time]), trials[p : p + 1], np.zeros(1)
            )
            after = CurveModel(more, np.arange(2), Hyperparameters.prior(2))
            taken = (before - after.outlook(both, numbers, end).variance)[0]
            assert own[t, p] ** 2 == pytest.approx(taken[p], rel=1e-3)
            assert other[t, p] ** 2 == pytest.approx(taken[2], rel=1e-3, abs=1e-6)


def known_of(model, row, trial, epoch, rungs, leaders, *, left=math.inf):
    """Return the knowledge gradient of one offer that may train to these rungs, of 50 epochs."""
    epochs = np.array(sorted({*rungs, 50}), float)
    outlook = model.outlook(row[None], np.array([trial]), times_of(epochs, 50))
    ahead = (epochs - epoch)[:, None]
    prices = Prices.equal(1, left_epochs=left)
    return knowledge_rate(model, outlook, np.isin(epochs, rungs), ahead, prices, leaders)[0]


def test_knowledge_is_the_expected_fall_of_the_lower_of_two_ends():
    seen, model = seen_and_model()
    rows, trials, trained = np.stack([[0.2, 0.9], seen.points[6]]), np.array([-1, 3]), (0, 9)
    ends = model.means(rows, trials, np.ones(1))[0]
    leaders = Leaders(2, seen.points[4], end := float(ends.mean()), end + 1)
    news = ndtri((np.arange(100_000) + 0.5) / 100_000)
    for place, above in enumerate([(3, 6), (14, 50)]):
        falls = []
        for rung in above:
            times = times_of(np.array([rung, 50.0]), 50)
            own, other = model.sway(
                model.outlook(rows, trials, times), np.array([True, False]),
                other=leaders.row, trial=2,
            )  # fmt: skip
            mine, leading = ends[place] + own[0, place] * news, end + other[0, place] * news
            fall = min(ends[place], end) - np.minimum(mine, leading).mean()
            falls.append(fall / (rung - trained[place]))
        known = known_of(model, rows[place], trials[place], trained[place], above, leaders)
        assert np.exp(known) == pytest.approx(max(falls), rel=0.01)


def test_the_leader_is_held_against_the_second_and_late_knowledge_counts_little():
    seen, model = seen_and_model()
    known = [
        known_of(model, seen.points[4], 2, 9, [9, 14, 50], leaders, left=left)
        for second, left in [(-0.39, math.inf), (2.0, math.inf), (-0.39, 40), (-0.39, 41)]
        for leaders in [Leaders(2, seen.points[4], -0.4, second)]
    ]
    assert known[0] > known[1]
    assert np.exp(known[2] - known[0]) == pytest.approx(BEYOND)
    assert known[3] == known[0]


def test_an_offer_gains_what_is_more_by_improvement_or_by_knowledge():
    """A new one is asked about at the first and the third rung, a paused one at all above."""
    seen, model = seen_and_model()
    rows, trials, trained = np.stack([[0.2, 0.9], seen.points[6]]), np.array([-1, 3]), (0, 9)
    horizons, steps, best = [3, 9, 50], [3, 4, 6, 9, 14, 50], float(seen.losses.min())
    leaders = Leaders(2, seen.points[4], -0.4, -0.3)
    offers = Offers([{}], rows, trials, np.array(trained))
    told = {"best": best, "horizons": horizons, "rungs": steps}
    told["prices"] = Prices.equal(2, left_epochs=45)
    gain, chance = gains(model, offers, leaders=leaders, **told)
    alone, _ = gains(model, offers, leaders=None, **told)
    for place, above in enumerate([(3, 6), steps]):
        epochs = np.array(horizons, float)
        outlook = model.outlook(rows[[place]], trials[[place]], times_of(epochs, 50))
        ahead, price = (epochs - trained[place])[:, None], Prices.equal(1, left_epochs=45)
        improved = improvement_rate(outlook, np.full(3, True), ahead, price, best=best)
        known = known_of(model, rows[place], trials[place], trained[place], above, leaders, left=45)
        assert alone[place] == pytest.approx(improved[0][0])
        assert chance[place] == pytest.approx(improved[1][0])
        wanted = max(float(improved[0][0]), float(np.log(KNOWLEDGE) + known))
        assert gain[place] == pytest.approx(wanted)


def test_a_gain_is_for_its_price_in_seconds_and_counts_little_beyond_the_time():
    seen, model = seen_and_model()
    rows, trials = np.stack([[0.2, 0.9], seen.points[6]]), np.array([-1, 3])
    offers = Offers([{}], rows, trials, np.array([0, 9]))
    told = {"best": 0.0, "leaders": Leaders(2, seen.points[4], -0.4, -0.3)}
    told |= {"horizons": [50], "rungs": [50]}

    def gain(epoch, start=(0.0, 0.0), left=math.inf):
        prices = Prices(np.array(epoch), np.array(start), left)
        return gains(model, offers, prices=prices, **told)[0]

    equal = gain((1.0, 1.0))
    assert gain((4.0, 0.5)) == pytest.approx(equal - np.log([4.0, 0.5]))
    # 41 epochs of the paused trial and as long a start.
    assert gain((1.0, 1.0), (0.0, 41.0)) == pytest.approx(equal - np.log([1, 2]))
    late = gain((1.0, 1.0), left=45.0)
    assert late == pytest.approx(equal + np.array([np.log(BEYOND), 0.0]))


def test_the_opening_visits_every_seventh_of_each_range():
    space = SearchSpace({k: Parameter(k, "float", 0.5, low=0.0, high=1.0) for k in "abc"}, {})
    candidates = Candidates(space, Features(space), seed=4)
    drawn = [candidates.opening(trial) for trial in range(1, OPENING)]
    for key in "abc":
        assert sorted(int(7 * values[key]) for values in drawn) == list(range(7))
    assert drawn == [
        Candidates(space, Features(space), seed=4).opening(t) for t in range(1, OPENING)
    ]


def test_failures_weigh_on_their_surroundings_alone():
    rows = np.array([[0.1, 0.7], [0.9, 0.9]])
    good = np.array([[0.5, 0.1], [0.6, 0.6]])
    shares = share_of_failures(rows, good, [np.array([0.1, 0.1])] * 3, np.arange(2))
    assert shares[0] > 0.8 > 0.1 > shares[1]


def test_next_is_a_start_with_the_defaults():
    move = simulated().searcher.next()
    assert isinstance(move, Start)
    assert move.values == SPACE.defaults()


@pytest.mark.parametrize("epochs", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("kind", ["constant", "noise", "rising", "broken"])
def test_trainings_of_any_length_and_values_of_any_kind_come_to_an_end(epochs, kind):
    rng = np.random.default_rng(epochs)
    values = {
        "constant": lambda v, e: 0.2,
        "noise": lambda v, e: rng.normal(),
        "rising": lambda v, e: v["lr"] + 0.1 * e,
        "broken": lambda v, e: math.nan if v["lr"] > 0.05 else -e * v["lr"],
    }
    searcher = AutoSearcher(SPACE, Objective("s", "max"), Budget(9, epochs), seed=0)
    search = Simulation(searcher, values[kind], epochs=epochs, slots=2).run()
    assert len(search.values) == 9
    assert kind == "broken" or max(search.epoch.values()) == epochs
