import math

import pytest

from automl.errors import UsageError
from automl.promotion.gates import (
    LATENCY,
    MAX_DROP,
    MAX_LOGIT_DIFFERENCE,
    TOLERANCE,
    GateError,
    PromotionRequest,
    latency_of,
)
from automl.trial.objective import Objective


def parity(**facts):
    return {"metric": "score", "checkpoint": 0.6, "onnx": 0.6, "recorded": 0.6,
            "tolerance": TOLERANCE, "is_equal": True, **facts}  # fmt: skip


def test_a_model_that_matches_the_record_passes():
    PromotionRequest().check_parity(parity())
    with pytest.raises(GateError, match=r"0\.6 as recorded, 0\.6 .* and 0\.5 for the ONNX model"):
        PromotionRequest().check_parity(parity(is_equal=False, onnx=0.5))


@pytest.mark.parametrize("drop", [MAX_DROP, -1.0, None])
def test_a_converted_model_may_lose_a_little(drop):
    PromotionRequest().check_drop("int8", parity(int8={"value": 0.6, "drop": drop}))


@pytest.mark.parametrize("drop", [MAX_DROP + 1e-6, math.nan])
def test_one_that_loses_more_or_no_number_is_rejected(drop):
    with pytest.raises(GateError, match="--max-drop allows 0.005"):
        PromotionRequest().check_drop("int8", parity(int8={"value": 0.5, "drop": drop}))


@pytest.mark.parametrize("difference", [2 * MAX_LOGIT_DIFFERENCE, math.nan])
def test_outputs_too_far_from_the_checkpoints_are_rejected(difference):
    PromotionRequest().check_logits(MAX_LOGIT_DIFFERENCE)
    with pytest.raises(GateError, match="--max-logit-difference allows 0.001"):
        PromotionRequest().check_logits(difference)


@pytest.mark.parametrize(
    ("mode", "value", "bar"),
    [("max", 0.5, ""), ("max", 0.4, "score 0.400000 is below --min-objective 0.5"),
     ("min", 0.4, ""), ("min", 0.6, "score 0.600000 is above --min-objective 0.5")],
)  # fmt: skip
def test_a_champion_has_to_reach_the_least_objective(mode, value, bar):
    assert PromotionRequest(min_objective=0.5).bar(Objective("score", mode), value) == bar
    assert PromotionRequest().bar(Objective("score", mode), value) == ""


def test_a_limit_needs_the_metric_that_it_limits():
    PromotionRequest().check_logits(None)
    PromotionRequest().check_latency("onnx", {})
    with pytest.raises(GateError, match="does not report max_logit_difference"):
        PromotionRequest(max_logit_difference=0.1).check_logits(None)
    with pytest.raises(GateError, match="does not report latency_p50_ms"):
        PromotionRequest(max_latency_ms=10).check_latency("onnx", {})


def test_a_slow_model_is_rejected_by_its_median():
    request = PromotionRequest(max_latency_ms=10)
    request.check_latency("onnx", {LATENCY[0]: 10})
    with pytest.raises(GateError, match=r"takes 10\.10 ms \(median\)"):
        request.check_latency("onnx", {LATENCY[0]: 10.1})


def test_all_faults_of_a_request_are_named_at_once():
    with pytest.raises(UsageError) as error:
        PromotionRequest(to=("onx",), max_drop=2, max_latency_ms=0)
    assert len(error.value.faults) == 3


def test_only_the_metrics_of_speed_are_kept():
    assert latency_of({"score": 1.0, "latency_p50_ms": 2.0}) == {"latency_p50_ms": 2.0}
