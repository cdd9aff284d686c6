"""A journal without checksums does not show that it was changed: its events are looked at."""

import pytest
from made import finish, promoted, report, start

from automl.experiment.events import EventCheck, EventError


@pytest.fixture
def check():
    """Return a check that has seen a trial end."""
    seen = EventCheck()
    for event in (start(0, {"lr": 0.1}), report(0, 1, 0.5), finish(0)):
        seen.check({"time": 1.0, **event})
    return seen


@pytest.mark.parametrize(
    "value", [None, "x", True, -1, 0.5, {"a": {}}, ["b", 2], 1e300]
)  # fmt: skip
def test_values_of_any_kind_may_be_searched(check, value):
    check.check({"time": 2.0, **start(1, {"kind": value})})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400])
def test_a_value_is_a_finite_number(check, value):
    with pytest.raises(EventError, match="lr: is no finite number"):
        check.check({"time": 2.0, **start(1, {"lr": value})})


def test_a_whole_promotion_is_taken(check):
    latency = {"onnx": {"latency_p50_ms": 1.0, "latency_p95_ms": None}}
    check.check({"time": 2.0, **promoted(0, latency=latency, int8={"file": "m.onnx"})})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"metric": None}, "has no metric"),
        ({"checkpoint": "0.5"}, "checkpoint of the promotion is no number"),
        ({"onnx": True}, "onnx of the promotion is no number"),
        ({"difference": float("nan")}, "difference of the promotion is no number"),
        ({"tolerance": None}, "tolerance of the promotion is no number"),
        ({"latency": [1]}, "latency of the promotion is no mapping"),
        ({"latency": {"onnx": {"latency_p50_ms": "1"}}}, "its latencies are no numbers by name"),
        ({"int8": {"value": 0.5}}, "int8 of the promotion names no file"),
    ],
)
def test_a_proof_has_what_is_shown_of_it(check, changes, told):
    with pytest.raises(EventError, match=told):
        check.check({"time": 2.0, **promoted(0, **changes)})


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"trial": [0]}, "never started"), ({"trial": 7}, "the promoted trial 7 never started"),
     ({"onnx": None}, "names no model"), ({"test": {"score": "high"}}, "test metrics are no num"),
     ({"warnings": "few"}, "no list of texts")],
)  # fmt: skip
def test_a_promotion_names_a_trial_and_a_model(check, changes, told):
    event = promoted(0)
    with pytest.raises(EventError, match=told):
        check.check({"time": 2.0, **event, "promotion": {**event["promotion"], **changes}})
