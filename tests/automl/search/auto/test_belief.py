"""The models of `auto`: what they expect, and the hyperparameters that they are made of."""

import numpy as np
import pytest

from automl.search.auto.acquisition import mean_gains
from automl.search.auto.belief import MAX_SAMPLED, SAMPLES, Belief, Running
from automl.search.auto.hyperparameters import MarginalLikelihood, sampled, tuned
from automl.search.auto.kernel import SLOPE, Hyperparameters, distances, matern, near
from automl.search.auto.model import CurveModel, Observations


def curves(trials=8, *, slope=0.0, seed=0):
    """Return losses of trials at three times, on a plane over two features, with a slope."""
    rng = np.random.default_rng(seed)
    points = np.repeat(rng.random((trials, 2)), 3, axis=0)
    times = np.tile([0.3, 0.5, 0.8], trials)
    losses = points @ [2.0, 0.3] + slope * times + 0.05 * rng.standard_normal(3 * trials)
    losses = (losses - losses.mean()) / losses.std()
    return Observations(points, times, np.repeat(np.arange(trials), 3), losses)


def dense(seen, hyper, points, trials, times):
    """Return mean and variance of single losses by the textbook, and the slope's mean."""
    scales = np.exp(-hyper.theta[:-4])
    level, shape, own, noise = np.exp(2 * hyper.theta[-4:])

    def covariance(p, t, n, q, u, m):
        alike = matern(distances(p * scales, q * scales))
        same = n[:, None] == m[None]
        return alike * (level + shape * near(t, u)) + own * near(t, u) * same

    told = seen.points, seen.times, seen.trials
    residuals = seen.losses - seen.losses.mean()
    kernel = covariance(*told, *told) + (noise + 1e-6) * np.eye(len(residuals))
    line = SLOPE**2 * np.outer(seen.times, seen.times)
    slope = SLOPE**2 * seen.times @ np.linalg.solve(kernel + line, residuals)
    cross = covariance(points, times, trials, *told)
    with_line = cross + SLOPE**2 * np.outer(times, seen.times)
    mean = seen.losses.mean() + with_line @ np.linalg.solve(kernel + line, residuals)
    taken = np.einsum("pn,np->p", cross, np.linalg.solve(kernel, cross.T))
    return mean, level + shape + own - taken, slope


def test_the_slope_is_estimated_with_the_rest_and_then_taken_as_known():
    """Means are those of a process with a slope; what is uncertain has no part of it."""
    seen, hyper = curves(slope=-1.0), Hyperparameters.prior(2)
    model = CurveModel(seen, np.arange(2), hyper)
    points = np.array([[0.2, 0.9], [0.7, 0.1], seen.points[4]])
    trials, times = np.array([-1, -1, 1]), np.array([0.3, 1.0])
    outlook = model.outlook(points, trials, times)
    for t, time in enumerate(times):
        mean, variance, slope = dense(seen, hyper, points, trials, np.full(3, time))
        assert outlook.mean[t] == pytest.approx(mean, abs=1e-8)
        assert outlook.variance[t] == pytest.approx(variance, abs=1e-8)
    assert slope < -0.3


def test_what_trials_fell_by_early_is_not_lost_again_until_the_end():
    """They were trained to .5 of the time at most."""
    rng = np.random.default_rng(3)
    points = np.repeat(rng.random((10, 2)), 2, axis=0)
    times = np.tile([0.3, 0.5], 10)
    seen = Observations(points, times, np.repeat(np.arange(10), 2), np.tile([0.6, -0.6], 10))
    model = CurveModel(seen, np.arange(2), Hyperparameters.prior(2))
    soon, late = model.means(points[::2], seen.trials[::2], np.array([0.5, 1.0]))
    assert (late < soon + 0.05).all()


def test_evidence_alone_is_that_beside_its_gradient_and_the_gradient_is_its_slope():
    seen = curves(slope=-1.0)
    evidence = MarginalLikelihood(seen, np.arange(2), 2)
    theta = Hyperparameters.prior(2).theta + 0.3
    value, gradient = evidence.with_gradient(theta)
    assert evidence(theta) == pytest.approx(value)
    for place, step in enumerate(1e-5 * np.eye(len(theta))):
        rise = (evidence(theta + step) - evidence(theta - step)) / 2e-5
        assert gradient[place] == pytest.approx(rise, rel=1e-4, abs=1e-6)


def test_chains_sample_the_posterior():
    """Of each hyperparameter mean and spread are those of prior draws weighted by likelihood."""
    seen, groups = curves(2), np.arange(2)
    centre, width = Hyperparameters.prior(2).theta, Hyperparameters.width(2)
    rng = np.random.default_rng(0)
    evidence = MarginalLikelihood(seen, groups, 2)
    draws = centre + width * rng.standard_normal((10_000, 6))
    values = np.array([evidence(theta) for theta in draws])
    weights = np.exp(values.min() - values)
    weights /= weights.sum()
    assert 1 / (weights**2).sum() > 1000  # so many independent draws that serve as the truth
    starts = [Hyperparameters(centre)] * 250
    drawn = np.stack([h.theta for h in sampled(seen, groups, starts, rng, steps=30)])
    mean = weights @ draws
    spread = np.sqrt(weights @ (draws - mean) ** 2)
    assert drawn.mean(axis=0) == pytest.approx(mean, abs=0.2)
    assert drawn.std(axis=0) == pytest.approx(spread, rel=0.15)


def test_many_losses_have_one_model_and_few_have_one_per_sample():
    belief = Belief(np.arange(2), parameters=2, seed=0)
    few, many = curves(9), curves(MAX_SAMPLED // 3 + 1)
    assert len(belief.models(few)) == 1
    for seen, count in [(few, SAMPLES), (many, 1), (few, SAMPLES)]:
        belief.tune(seen, trials=9)
        models = belief.models(seen)
        asked = np.array([[0.5, 0.5]]), np.array([-1]), np.ones(1)
        assert len({float(m.means(*asked)[0, 0]) for m in models}) == len(models) == count
        assert belief.foresight > 0.5


def test_the_same_seed_samples_the_same():
    told = []
    for seed in (0, 0, 1):
        belief = Belief(np.arange(2), parameters=2, seed=seed)
        belief.tune(curves(), trials=8)
        asked = np.array([[0.5, 0.5]]), np.array([-1]), np.ones(1)
        told.append([float(m.means(*asked)[0, 0]) for m in belief.models(curves())])
    assert told[0] == told[1] != told[2]


def test_each_model_is_told_that_running_trials_reach_what_it_expects():
    seen, belief = curves(), Belief(np.arange(2), parameters=2, seed=0)
    belief.tune(seen, trials=8)
    rows, trials, times = seen.points[[3, 6]], np.array([1, 9]), np.array([1.0, 0.5])
    alone = belief.models(seen)
    told = belief.models(seen, Running(rows, trials, times))
    for before, after in zip(alone, told, strict=True):
        was, now = before.outlook(rows, trials, times), after.outlook(rows, trials, times)
        assert np.diagonal(now.mean) == pytest.approx(np.diagonal(was.mean), abs=0.05)
        assert (np.diagonal(now.variance) < 0.7 * np.diagonal(was.variance)).all()


def test_gains_of_several_models_are_averaged_not_their_logarithms():
    told = [(np.log([1.0, 8.0]), np.array([0.2, 0.4])), (np.log([3.0, 1e-300]), np.array([0.4, 0]))]
    gain, chance = mean_gains(told)
    assert np.exp(gain) == pytest.approx([2.0, 4.0])
    assert chance == pytest.approx([0.3, 0.2])


def test_tuned_hyperparameters_are_more_probable_than_where_they_began():
    seen, start = curves(20), Hyperparameters.prior(2)
    evidence = MarginalLikelihood(seen, np.arange(2), 2)
    found = tuned(seen, np.arange(2), start, steps=10)
    away = (found.theta - start.theta) / Hyperparameters.width(2)
    assert evidence(found.theta) + 0.5 * away @ away < evidence(start.theta) - 1


def test_length_scales_are_expected_to_grow_with_the_root_of_the_dimension():
    near, far = (np.exp(Hyperparameters.prior(d).theta[:d]) for d in (4, 9))
    assert near == pytest.approx([1.6] * 4)
    assert far == pytest.approx([2.4] * 9)
