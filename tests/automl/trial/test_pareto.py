import math
import random

from automl.trial.pareto import better, dominates, front, fronts, ranked


def test_a_loss_dominates_one_that_is_nowhere_better():
    assert dominates((1, 2), (1, 3)) and dominates((0, 2), (1, 3))
    assert not dominates((1, 2), (1, 2))
    assert not dominates((0, 3), (1, 2)) and not dominates((1, 2), (0, 3))


def test_fronts_are_layers_and_leave_out_what_is_not_finite():
    losses = {"a": (1, 4), "b": (4, 1), "c": (4, 4), "d": (5, 5), "e": (math.nan, 0)}
    assert list(fronts(losses)) == [["a", "b"], ["c"], ["d"]]
    assert list(fronts({})) == []


def test_with_one_objective_the_ranking_is_the_order_of_the_values():
    assert ranked({1: (0.3,), 2: (0.1,), 3: (math.inf,), 4: (0.2,)}) == [2, 4, 1]


def test_of_one_front_the_ends_come_before_the_crowded_middle():
    losses = {0: (0.0, 10.0), 1: (4.9, 5.1), 2: (5.0, 5.0), 3: (10.0, 0.0)}
    assert set(ranked(losses)[:2]) == {0, 3}


def test_the_better_of_two_losses_is_never_the_one_that_is_not_finite():
    assert better((1.0,), None) == (1.0,)
    assert better((1.0,), (2.0,)) == (1.0,) == better((2.0,), (1.0,))
    assert better((math.nan,), (2.0,)) == (2.0,)
    assert better((2.0,), (math.nan,)) == (2.0,)


def test_the_front_is_the_first_layer_in_the_order_of_the_mapping():
    draw = random.Random(0)
    losses = {
        n: (draw.randint(0, 20), draw.randint(0, 20), draw.randint(0, 20)) for n in range(200)
    }
    by_hand = [n for n in losses if not any(dominates(o, losses[n]) for o in losses.values())]
    assert front(losses) == by_hand == next(fronts(losses))
    assert front({"a": (math.nan,)}) == front({}) == []
