"""What `auto` learns from trials on other data sets."""

import math

import numpy as np
import pytest
from simulation import Simulation

from automl.search.algorithms import make_searcher
from automl.search.auto import reasons
from automl.search.auto.features import Features
from automl.search.auto.hyperparameters import MarginalLikelihood
from automl.search.auto.kernel import (
    SLOPE,
    TRUST,
    TRUST_WIDTH,
    Hyperparameters,
    distances,
    matern,
    near,
)
from automl.search.auto.model import CurveModel, Observations
from automl.search.auto.transfer import FIRST, KEPT, Transfer, portfolio
from automl.search.base import DEFAULTS
from automl.space.space import Parameter, SearchSpace
from automl.trial.budget import UNLIMITED, Budget
from automl.trial.objective import Objective
from automl.trial.trial import TransferTrial

EPOCHS, DATA_SETS = 12, 6
NUMBERS = [f"x{n}" for n in range(6)]
SPACE = SearchSpace(
    {
        **{name: Parameter(name, "float", 0.1, low=0.0, high=1.0) for name in NUMBERS},
        "head": Parameter("head", "categorical", "a", choices=("a", "b", "c")),
    },
    {},
)


def score_on(data_set):
    """Return the score of values after an epoch; data sets have their best near each other."""
    rng = np.random.default_rng(data_set)
    best, weights = 0.6 + rng.normal(0, 0.08, len(NUMBERS)), 0.5 ** np.arange(len(NUMBERS))

    def score(values, epoch):
        place = np.array([values[name] for name in NUMBERS])
        return float(-(weights * (place - best) ** 2).sum() - 0.5 / epoch)

    return score


def trials(loss=lambda score, values: -score):
    rng = np.random.default_rng(1)
    scores = [score_on(100 + number) for number in range(DATA_SETS)]
    drawn = [SPACE.sample(rng) for _ in range(30)]
    return [
        TransferTrial(values, tuple(loss(score(values, EPOCHS), values) for score in scores))
        for values in drawn
    ]


def searched(transfer, *, seed=0, trainings=4, count=None):
    """Run a search of as many full trainings' epochs, or of `count` trials."""
    budget = Budget(UNLIMITED, EPOCHS, budget_epochs=trainings * EPOCHS)
    if count:
        budget = Budget(count, EPOCHS)
    searcher = make_searcher(
        "auto", SPACE, Objective("m", "max"), budget, seed=seed, transfer=transfer
    )
    simulation = Simulation(searcher, score_on(seed), epochs=EPOCHS)
    simulation.run()
    return simulation


def mean_best(transfer):
    """Return the mean of the best scores of four searches, each on data of its own."""
    return np.mean([max(e[3] for e in searched(transfer, seed=seed).log if e[0] == "report")
                    for seed in range(4)])  # fmt: skip


def test_a_search_begins_with_the_defaults_and_then_with_the_best_elsewhere():
    moves = [event[1] for event in searched(trials()).log if event[0] == "start"]
    assert [move.reason for move in moves[: 1 + FIRST]] == [DEFAULTS] + [reasons.TRANSFER] * FIRST
    first = Transfer(SPACE, Features(SPACE), trials()).first
    assert [move.values for move in moves[1 : 1 + FIRST]] == first
    assert reasons.TRANSFER not in [move.reason for move in moves[1 + FIRST :]]


def full_first(**budget):
    """Return how many of a search's first trials train in full before the next one starts."""
    log = searched(trials(), **budget).log
    told = [event[1] for event in log if event[0] == "report"]
    blocks = [told[n : n + EPOCHS] for n in range(0, len(told), EPOCHS)]
    whole = [block == [number] * EPOCHS for number, block in enumerate(blocks)]
    return [*whole, False].index(False)


def test_the_first_are_trained_in_full_in_at_most_four_tenths_of_the_epochs_or_trials():
    assert [full_first(trainings=trainings) for trainings in (10, 8, 5, 4)] == [4, 3, 2, 1]
    assert [full_first(count=count) for count in (10, 8, 5)] == [4, 3, 2]
    starts = [event[1] for event in searched((), trainings=10).log if event[0] == "start"]
    assert not {reasons.TRANSFER} & {move.reason for move in starts}


def test_a_search_with_other_data_goes_on_after_a_stop_as_if_there_was_none():
    whole = searched(trials(), trainings=8)
    budget = Budget(UNLIMITED, EPOCHS, budget_epochs=8 * EPOCHS)
    for count in (5, 20, 60):
        searcher = make_searcher(
            "auto", SPACE, Objective("m", "max"), budget, seed=0, transfer=trials()
        )
        assert whole.cut(searcher, count).run().log == whole.log


def test_trials_on_like_data_find_better_models_for_the_same_epochs():
    assert mean_best(trials()) > mean_best(()) + 0.02


def test_what_other_data_says_is_lost_where_this_data_contradicts():
    """Noise and the reverse of the truth cost the trials to begin with."""
    noise = iter(np.random.default_rng(2).normal(size=1000))
    assert mean_best(trials(lambda score, values: next(noise))) > mean_best(()) - 0.03
    assert mean_best(trials(lambda score, values: score)) > mean_best(()) - 0.03


def test_the_first_configurations_are_good_where_the_others_are_not():
    """The second is the best of no data set by itself, and the best beside the first."""
    scores = np.array([[-2.0, -2.0, 2.0], [-1.9, -1.9, 2.0], [1.0, 1.0, -1.0], [0.5, 0.5, 0.5]])
    assert portfolio(scores)[:2] == [0, 2]
    assert len(set(portfolio(scores))) == FIRST
    assert portfolio(scores[:1]) == [0]
    assert portfolio(scores, beside=0)[0] == 2, "the first one is tried anyway"


def test_expected_losses_have_the_order_of_the_other_data_sets_and_no_unit():
    features = Features(SPACE)
    rng = np.random.default_rng(3)
    drawn = [SPACE.sample(rng) for _ in range(40)]
    points = np.stack([features.of(values) for values in drawn])
    true = [-score_on(7)(values, EPOCHS) for values in drawn]
    expected = Transfer(SPACE, features, trials()).losses(points)
    assert np.corrcoef(expected, true)[0, 1] > 0.8
    scaled = trials(lambda score, values: 1000 - 50 * score)
    assert Transfer(SPACE, features, scaled).losses(points) == pytest.approx(expected)


def test_losses_that_are_kept_are_those_that_would_be_computed():
    rng = np.random.default_rng(6)
    sets = [rng.random((3 + n, len(Features(SPACE).groups))) for n in range(2 * KEPT)]
    transfer, known = Transfer(SPACE, Features(SPACE), trials()), trials()
    for points in [*sets[:3], *sets, *sets[-3:], *sets[:3]]:
        new = Transfer(SPACE, Features(SPACE), known).losses(points)
        assert np.array_equal(transfer.losses(points.copy()), new)


def test_a_diverged_training_ranks_last_and_missing_parameters_stand_at_their_defaults():
    known = trials()
    kept = [TransferTrial({"x0": t.values["x0"], "gone": 1}, t.losses) for t in known]
    broken = TransferTrial({"x0": 0.0}, (math.inf,) * DATA_SETS)
    transfer = Transfer(SPACE, Features(SPACE), [*kept, broken, broken])
    assert all(values == {**SPACE.defaults(), "x0": values["x0"]} for values in transfer.first)
    assert all(values["x0"] > 0.3 for values in transfer.first)
    row = Features(SPACE).of({**SPACE.defaults(), "x0": 0.0})[None]
    assert transfer.losses(row) > 0.5


def test_the_factor_is_a_regression_inside_the_process():
    """Means are those of a process with the expected losses as a term of normal weight."""
    rng = np.random.default_rng(4)
    points, hyper = rng.random((12, 2)), Hyperparameters.prior(2)
    losses = 1.5 * points[:, 0] + 0.1 * rng.standard_normal(12)
    seen = Observations(points, np.ones(12), np.arange(12), losses - losses.mean())
    new = rng.random((5, 2))
    trials_of_new, end = np.full(5, -1), np.ones(1)

    def expected(rows):
        return 2.0 * rows[:, 0]

    model = CurveModel(seen, np.arange(2), hyper, expected)
    plain = CurveModel(seen, np.arange(2), hyper)
    alike = plain._cross(plain._matern(points, points), np.arange(12), end)[0]
    cross = plain._cross(plain._matern(new, points), trials_of_new, end)[0]
    known, at_new = expected(points), expected(new)
    kernel = alike + np.exp(2 * hyper.theta[-1]) * np.eye(12) + np.ones((12, 12))
    kernel += TRUST_WIDTH**2 * np.outer(known, known)
    residuals = seen.losses - TRUST * known
    cross = cross + 1.0 + TRUST_WIDTH**2 * np.outer(at_new, known)
    mean = TRUST * at_new + cross @ np.linalg.solve(kernel, residuals)
    assert model.means(new, trials_of_new, end)[0] == pytest.approx(mean, abs=1e-4)
    assert 0.4 < model._line[1] < 1.1, "between the prior and .75"


def test_the_evidence_has_the_factor_integrated_out():
    rng = np.random.default_rng(5)
    points, times, known = rng.random((9, 2)), np.linspace(0.1, 1, 9), rng.standard_normal(9)
    seen = Observations(points, times, np.arange(9), rng.standard_normal(9))
    hyper = Hyperparameters.prior(2)
    level, shape, own, noise = np.exp(2 * hyper.theta[-4:])
    scaled = points * np.exp(-hyper.theta[:-4])
    kernel = matern(distances(scaled, scaled)) * (level + shape * near(times, times))
    kernel += (own + noise) * np.eye(9) + SLOPE**2 * np.outer(times, times)
    kernel += TRUST_WIDTH**2 * np.outer(known, known)
    residuals = seen.losses - seen.losses.mean() - TRUST * known
    dense = 0.5 * residuals @ np.linalg.solve(kernel, residuals)
    dense += 0.5 * np.linalg.slogdet(kernel)[1]
    evidence = MarginalLikelihood(seen, np.arange(2), 2, known)
    assert evidence(hyper.theta) == pytest.approx(dense, abs=1e-4)
