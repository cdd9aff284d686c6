import math
from dataclasses import dataclass, replace

import pytest

from automl.errors import UsageError
from automl.tracking.registry import Standing, alias_of, verdict

CHAMPION = Standing("score", "max", "0.8", "abc", "/runs/one", "3")
NEW = Standing("score", "max", "0.9", "abc", "/runs/two", "0")


def test_the_first_is_champion():
    assert alias_of(NEW, None) == ("champion", "the first")


def test_a_barred_model_is_a_challenger_even_as_the_first():
    assert alias_of(NEW, None, bar="too low") == ("challenger", "too low")


@pytest.mark.parametrize(
    ("mode", "value", "alias"),
    [("max", "0.81", "champion"), ("max", "0.8", "challenger"), ("max", "0.7", "challenger"),
     ("min", "0.7", "champion"), ("min", "0.81", "challenger"), ("max", "nan", "challenger")],
)  # fmt: skip
def test_the_champion_has_to_be_beaten_on_the_same_data(mode, value, alias):
    new = replace(NEW, mode=mode, value=value)
    given, why = alias_of(new, replace(CHAMPION, mode=mode), version="7")
    assert given == alias
    assert "version 7" in why and "against 0.800000 on the same data" in why


@pytest.mark.parametrize("fingerprint", ["other", ""])
def test_what_was_measured_on_other_data_is_a_challenger_whatever_its_value(fingerprint):
    alias, why = alias_of(replace(NEW, data_fingerprint=fingerprint), CHAMPION, version="7")
    assert alias == "challenger"
    assert "it was measured on other data (abc, this one on " in why


def test_a_champion_of_which_nothing_is_known_is_not_beaten():
    alias, why = alias_of(NEW, Standing.from_tags({}), version="1")
    assert alias == "challenger" and "on other data (unknown" in why


def test_another_metric_is_no_win():
    alias, why = alias_of(replace(NEW, metric="loss", mode="min"), CHAMPION, version="7")
    assert alias == "challenger" and "chosen for score (max), this one for loss (min)" in why


def test_the_same_trial_promoted_again_takes_its_own_place():
    again = replace(CHAMPION, value="0.79")
    assert alias_of(again, CHAMPION, version="7")[0] == "champion"


def test_tags_say_all_of_a_standing():
    assert Standing.from_tags(CHAMPION.to_tags()) == CHAMPION


@dataclass
class Found:
    low: float
    high: float
    before: float = 0.8
    after: float = 0.9
    images: int = 40


@pytest.mark.parametrize(
    ("mode", "low", "high", "is_better", "end"),
    [("max", 0.01, 0.2, True, "[+0.0100, +0.2000] (90 %, 40 images)"),
     ("max", -0.01, 0.2, False, "(90 %, 40 images): may be chance"),
     ("max", -0.2, -0.1, False, "(90 %, 40 images)"),
     ("min", -0.2, -0.1, True, "(90 %, 40 images)"),
     ("min", 0.1, 0.2, False, "(90 %, 40 images)")],
)  # fmt: skip
def test_the_whole_interval_has_to_be_on_the_side_of_the_new_model(mode, low, high, is_better, end):
    new, old = replace(NEW, mode=mode), replace(CHAMPION, mode=mode)
    found, why = verdict(new, old, lambda: Found(low, high))
    assert found is is_better
    assert why.startswith("score 0.900000 against 0.800000 on the same data") and why.endswith(end)


def test_a_skill_that_compares_no_images_says_that_the_values_decided():
    _, why = alias_of(NEW, CHAMPION, version="7")
    assert why.endswith("by the values alone, as the skill compares no images")


def test_a_champion_that_cannot_be_compared_stays_with_the_reason():
    def compare():
        raise UsageError("version 7 was registered without counts")

    alias, why = alias_of(NEW, CHAMPION, version="7", compare=compare)
    assert alias == "challenger"
    assert "chance cannot be ruled out: version 7 was registered without counts; if this one" in why


def test_images_too_few_for_bounds_leave_the_champion():
    few = Found(-math.inf, math.inf, images=3)
    alias, why = alias_of(NEW, CHAMPION, version="7", compare=lambda: few)
    assert alias == "challenger"
    assert "but chance cannot be ruled out with 3 images; if this one is better, choose it" in why
