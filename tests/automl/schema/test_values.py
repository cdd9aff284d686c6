import math

import pytest

from automl.schema.values import identity, number_of


@pytest.mark.parametrize(
    ("value", "number"),
    [(3, 3.0), (0.5, 0.5), (math.inf, math.inf), (10**400, math.inf), (-(10**400), -math.inf),
     (True, None), ("3", None), (None, None), ([1], None)],
)  # fmt: skip
def test_a_number_is_a_finite_or_infinite_one_and_nothing_else(value, number):
    assert number_of(value) == number


def test_nan_is_no_number():
    assert number_of(math.nan) is None


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        ([1, "a"], (1.0, "a"), True),
        ([1], [True], False),
        ({"a": 1, "b": [2]}, {"b": [2.0], "a": 1}, True),
        ({"a": 1}, {"a": True}, False),
        (None, "None", False),
    ],
)
def test_values_are_one_if_their_json_is(one, other, are_same):
    assert (identity(one) == identity(other)) == are_same
    assert hash(identity(one)) is not None
