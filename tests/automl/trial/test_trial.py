import json
import math

import pytest

from automl.files import json_text
from automl.trial.objective import Objective
from automl.trial.trial import Decision, Failure, FailureKind, Outcome, Report, Trial, TrialState


@pytest.mark.parametrize("kind", list(FailureKind))
def test_an_outcome_travels_as_json_and_back(kind):
    outcome = Outcome(TrialState.FAILED, Failure(kind, "why"))
    assert Outcome.from_dict(json.loads(json_text(outcome.to_dict()))) == outcome


def test_an_outcome_without_a_failure_has_null():
    plain = Outcome(TrialState.STOPPED).to_dict()
    assert plain == {"state": "stopped", "failure": None}
    assert Outcome.from_dict(plain) == Outcome(TrialState.STOPPED)


def test_null_in_a_report_of_the_journal_is_nan():
    event = {"epoch": 2, "metrics": {"loss": None, "iou": 1}, "decision": "stop", "time": 5.0}
    report = Report.from_event(event)
    assert math.isnan(report.metrics["loss"]) and report.metrics["iou"] == 1.0
    assert report.decision is Decision.STOP


def test_the_best_report_is_the_first_of_equals_and_never_nan():
    objective = Objective("iou", "max")
    curve = (math.nan, 0.5, 0.7, 0.7)
    reports = [
        Report(epoch, {"iou": value}, Decision.CONTINUE, 0.0)
        for epoch, value in enumerate(curve, start=1)
    ]
    trial = Trial(0, {}, 4, 0.0, reports=reports)
    assert trial.best_report(objective).epoch == 3
    assert trial.value(objective) == 0.7


def test_a_failed_trial_has_no_value():
    report = Report(1, {"iou": 0.5}, Decision.CONTINUE, 0.0)
    assert Trial(0, {}, 1, 0.0, TrialState.FAILED, [report]).value(Objective("iou", "max")) is None
