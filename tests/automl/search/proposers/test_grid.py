import pytest
from samplers import SPACE, tried

from automl.search.proposers.grid import GridProposer
from automl.space.space import Parameter, SearchSpace


def test_each_combination_comes_once_and_then_no_more():
    proposer = GridProposer(SPACE, points=3, seed=0)
    suggestions = tried(proposer, 100)
    assert len(suggestions) == 3 * 3 * 2 == len({str(v) for v in suggestions})
    assert {v["x"] for v in suggestions} == {0.0, 0.5, 1.0}
    assert proposer.suggest(100) is None


def test_the_order_is_random_and_follows_the_seed():
    orders = [tried(GridProposer(SPACE, points=3, seed=seed), 18) for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]


def test_an_inactive_parameter_makes_no_other_combination():
    space = SearchSpace(
        {
            "on": Parameter("on", "bool", True, choices=(False, True)),
            "p": Parameter("p", "float", 0.5, low=0.0, high=1.0, active_when=({"on": True},)),
        },
        {},
    )
    assert len(tried(GridProposer(space, points=3, seed=0), 100, loss=len)) == 4


@pytest.mark.parametrize(("points", "values"), [(2, {1, 4}), (9, {1, 2, 3, 4})])
def test_a_whole_number_has_no_more_places_than_values(points, values):
    space = SearchSpace({"n": SPACE.parameters["n"]}, {})
    suggestions = tried(GridProposer(space, points=points, seed=0), 10, loss=len)
    assert {v["n"] for v in suggestions} == values


def test_a_grid_too_large_to_list_is_sampled():
    many = {k: Parameter(k, "float", 0.5, low=0.0, high=1.0) for k in "abcdefg"}
    space = SearchSpace(many, {})
    suggestions = tried(GridProposer(space, points=5, seed=0), 20, loss=len)
    assert {value for v in suggestions for value in v.values()} == {0.0, 0.25, 0.5, 0.75, 1.0}
    assert len({str(v) for v in suggestions}) == 20
