import math

import pytest

from automl.errors import UsageError
from automl.schema.conditions import parse_condition
from automl.schema.field import Field
from automl.space.domain import Choices
from automl.space.ranges import NoFiniteRangeError, element, numeric_domain, powers_of


def field(default, low=-math.inf, high=math.inf, *, kind="float", key="p", cond=None, **rest):
    condition = parse_condition(key, cond, None)
    return Field(key, kind, default, float(low), float(high), condition=condition, **rest)


def ends(domain):
    return domain.low, domain.high


@pytest.mark.parametrize(
    ("kind", "default", "expected"), [("float", 0.5, (0.05, 50.0)), ("int", 8, (2, 32))]
)
def test_a_range_without_bounds_is_a_window_around_the_default(kind, default, expected):
    domain = numeric_domain(field(default, kind=kind))
    assert ends(domain) == pytest.approx(expected)
    assert domain.is_log


def test_bounds_cut_the_window_and_finite_narrow_ones_need_none():
    assert ends(numeric_domain(field(0.5, 0.2))) == pytest.approx((0.2, 50.0))
    domain = numeric_domain(field(0.5, 0, 1))
    assert (ends(domain), domain.is_log) == ((0.0, 1.0), False)


@pytest.mark.parametrize("key", ["train.lr", "base_lr", "learning_rate", "weight_decay", "wd"])
def test_rates_and_decays_are_log_scaled_by_their_names(key):
    assert numeric_domain(field(0.01, 0, 1, key=key)).is_log
    assert not numeric_domain(field(0.01, 0, 1, key=f"{key}x")).is_log


def test_the_scale_of_the_schema_wins_and_so_do_the_ends_of_a_user():
    assert not numeric_domain(field(0.01, 0, 1, key="lr", scale="linear")).is_log
    chosen = numeric_domain(field(0.5, 1e-3, 1e3), given=frozenset({"low", "high"}))
    assert ends(chosen) == (1e-3, 1e3)


@pytest.mark.parametrize("default", [0.0, -1.0, None])
def test_no_window_exists_around_a_default_that_is_not_above_0(default):
    with pytest.raises(NoFiniteRangeError, match="p: a range without finite bounds"):
        numeric_domain(field(default))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (field("x", 0, 1), "default 'x' is not a number"),
        (field(2.0, 0, 1), r"default 2.0 is outside \[0, 1\]"),
        (field(0.0, 0, 1, scale="log"), "a log scale needs a default above 0"),
        (field(1, 0, 9, kind="int", step=0.5), "a step of 0.5 leaves no whole numbers"),
        (field(5, 5, 7, kind="int", cond="/ 8"), "no value is left between 5 and 7, / 8"),
        (field(1, 0, 1e18, kind="int", scale="linear"), "has too many numbers"),
        (field(2.0, 0, 1e9, cond="^ 1.00001"), "are too many"),
        (field(0.5, 0, 1, cond="> 1"), "impossible"),
    ],
)
def test_a_range_without_any_number_is_refused_by_name(asked, message):
    with pytest.raises(UsageError, match=f"^p: .*{message}"):
        numeric_domain(asked)


def test_multiples_steps_and_powers_make_grids():
    multiples = numeric_domain(field(16, 10, 60, kind="int", cond="/ 8"))
    assert (ends(multiples), multiples.step) == ((16, 56), 8)
    steps = numeric_domain(field(0.5, 0, 0.95, step=0.1, scale="linear"))
    assert ends(steps) == pytest.approx((0.0, 0.9))
    powers = numeric_domain(field(8, 3, 40, kind="int", cond="^ 2"))
    assert powers == Choices((4, 8, 16, 32))


@pytest.mark.parametrize(
    ("base", "low", "high", "powers"), [(2, 1, 9, [2, 4, 8]), (0.1, 0.005, 1, [0.1, 0.01])]
)
def test_powers_begin_with_the_first(base, low, high, powers):
    assert powers_of("p", base, low, high) == pytest.approx(powers)


def test_a_place_of_a_list_has_its_own_bounds_and_kind():
    betas = Field("b", "list_2", [0.9, 0.999], lows=(0.8, 0.9), highs=(0.95, 1.0))
    second = element(betas, 1, 0.999)
    assert (second.key, second.type, second.low, second.high) == ("b.1", "float", 0.9, 1.0)
    assert element(Field("s", "list_2", [10, 20]), 0, 10).type == "int"
