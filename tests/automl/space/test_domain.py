import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl.space.domain import Choices, Range

DOMAINS = [
    Choices(("a", True, 1, None, [1, 2])),
    Choices(("rare", "often"), (1.0, 9.0)),
    Range(0.0, 1.0),
    Range(1e-4, 1.0, is_log=True),
    Range(1, 9, step=1, is_int=True),
    Range(8, 64, step=8, is_int=True),
    Range(0.0, 1.0, step=0.1),
    Range(-2, 2, step=1, is_int=True, holes=(0,)),
    Range(0.3, 0.3),
]


@pytest.mark.parametrize("domain", DOMAINS)
@given(place=st.floats(0, 1))
def test_each_place_is_a_value_whose_place_leads_back_to_it(domain, place):
    value = domain.value_at(place)
    assert domain.contains(value)
    back = domain.value_at(domain.position_of(value))
    assert back == (pytest.approx(value) if isinstance(value, float) else value)


def test_a_value_owns_a_cell_as_wide_as_its_weight():
    domain = DOMAINS[1]
    assert [domain.value_at(p) for p in (0.0, 0.09, 0.11, 1.0)] == ["rare"] * 2 + ["often"] * 2
    assert domain.position_of("often") == pytest.approx(0.55)


@pytest.mark.parametrize(
    ("value", "other"), [(1, True), (1, "1"), (None, "None"), ([1, 2], [2, 1])]
)
def test_choices_are_told_apart_by_their_json_identity(value, other):
    assert Choices((value,)).contains(value)
    assert not Choices((value,)).contains(other)
    assert Choices((1,)).contains(1.0)


@pytest.mark.parametrize(
    ("domain", "size"), list(zip(DOMAINS, [5, 2, math.inf, math.inf, 9, 8, 11, 4, 1], strict=True))
)
def test_the_size_counts_values_without_holes(domain, size):
    assert domain.size == size


@pytest.mark.parametrize("value", [0.5, 10, 0, True, "2", None, math.nan])
def test_a_range_of_whole_numbers_contains_nothing_else(value):
    assert not DOMAINS[4].contains(value)


def test_an_end_of_a_log_range_is_reached_exactly():
    domain = Range(1e-5, 3e-2, is_log=True)
    assert (domain.value_at(0.0), domain.value_at(1.0)) == (1e-5, 3e-2)
    assert domain.value_at(0.5) == pytest.approx(math.sqrt(1e-5 * 3e-2))


def test_narrowing_keeps_the_grid_and_ends_in_none():
    domain = Range(8, 64, step=8, is_int=True)
    narrowed = domain.narrowed(10, 50)
    assert (narrowed.low, narrowed.high) == (16, 48)
    assert domain.narrowed(65, 90) is None
    assert (domain.above(8).low, domain.below(64).high) == (16, 56)
    assert domain.above(64) is None and domain.below(8) is None


def test_an_open_end_of_a_continuous_range_keeps_a_margin():
    assert 0.5 < Range(0.0, 1.0).above(0.5).low < 0.50001
    assert 0.49999 < Range(0.0, 1.0).below(0.5).high < 0.5


def test_a_hole_is_skipped_and_no_end():
    domain = Range(0, 3, step=1, is_int=True).without(3).without(1)
    assert list(domain.numbers()) == [0, 2]
    assert (domain.high, domain.neighbour(0, up=True), domain.neighbour(2, up=True)) == (2, 2, 2)


def test_neighbours_are_the_next_values_and_the_ends_stay():
    domain = Choices((2, 8, 32))
    assert [domain.neighbour(v, up=True) for v in domain.values] == [8, 32, 32]
    assert [domain.neighbour(v, up=False) for v in domain.values] == [2, 2, 8]


def test_choices_are_filtered_with_their_weights():
    domain = Choices((1, 2, 3), (1.0, 2.0, 3.0))
    assert domain.where(lambda v: v > 1) == Choices((2, 3), (2.0, 3.0))
    assert domain.where(lambda v: v > 3) is None
    assert domain.others(2).values == (1, 3)
    assert Choices((1,)).others(1).values == (1,)
