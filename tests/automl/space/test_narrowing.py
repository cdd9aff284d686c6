import pytest

from automl.errors import UsageError
from automl.schema.conditions import DIVIDED, Relation
from automl.space.domain import Choices, Range
from automl.space.narrowing import beside_fixed, compared, for_child, given_parent

WHOLE = Range(0, 9, step=1, is_int=True)
SIGNS = {">": range(5, 10), ">=": range(4, 10), "<": range(4), "<=": range(5), "==": [4],
         "!=": [0, 1, 2, 3, 5, 6, 7, 8, 9]}  # fmt: skip


def values(domain):
    if domain is None:
        return []
    return list(domain.values) if isinstance(domain, Choices) else list(domain.numbers())


@pytest.mark.parametrize(("sign", "kept"), SIGNS.items())
@pytest.mark.parametrize("domain", [WHOLE, Choices(tuple(range(10)))])
def test_a_comparison_with_a_number_keeps_the_values_that_fulfil_it(domain, sign, kept):
    assert values(compared(domain, sign, 4)) == list(kept)


@pytest.mark.parametrize("sign", [">", ">=", "<", "<=", "=="])
@pytest.mark.parametrize("child", [Range(3, 6, step=1, is_int=True), Choices((3, 6))])
def test_a_parent_keeps_exactly_the_values_that_leave_its_child_one(sign, child):
    relation = Relation(sign, "p")
    left = values(for_child(WHOLE, relation, child))
    assert left == [p for p in range(10) if given_parent(child, relation, p) is not None]


@pytest.mark.parametrize("child", [Range(1, 3, step=1, is_int=True), Choices((2, 4)),
                                   Range(1, 3, step=2, is_int=True)])  # fmt: skip
def test_a_divided_parent_keeps_the_dividends_of_its_childs_values(child):
    relation = Relation(DIVIDED, "p", 2.0)
    left = values(for_child(WHOLE, relation, child))
    assert left == [p for p in range(10) if child.contains(p // 2)]


def test_a_quotient_at_a_bound_may_miss_it_by_rounding():
    child = Range(0.1, 0.3)
    assert given_parent(child, Relation(DIVIDED, "p", 3.0), 0.9).low == pytest.approx(0.3)
    assert given_parent(child, Relation(DIVIDED, "p", 3.0), 1.2) is None


@pytest.mark.parametrize(("sign", "kept"), [(">", [0, 1, 2, 3]), ("<=", range(4, 10)), ("==", [4])])
def test_a_child_that_is_not_searched_bounds_its_parent(sign, kept):
    assert values(beside_fixed(WHOLE, Relation(sign, "p"), 4)) == list(kept)


@pytest.mark.parametrize(
    ("parent", "child", "low", "high"),
    [
        (Range(0.0, 1.0), Range(0.5, 2.0), 0.5, 1.0),
        (Range(0.0, 1.0), Range(0.0, 1.0, step=0.25), 0.0, 1.0),
        (Range(0, 20, step=2, is_int=True), Range(4, 9, step=1, is_int=True), 4, 8),
    ],
)
def test_equal_values_are_those_of_both(parent, child, low, high):
    left = for_child(parent, Relation("==", "p"), child)
    numbers = values(left) if isinstance(left, Choices) else [left.low, left.high]
    assert (numbers[0], numbers[-1]) == (low, high)


def test_too_many_values_to_try_are_refused_by_name():
    huge = Range(0, 10**7, step=1, is_int=True)
    with pytest.raises(UsageError, match="p: has too many values to find those that fit 'p / 3'"):
        for_child(huge, Relation(DIVIDED, "p", 3.0), Choices((1, 2)))
