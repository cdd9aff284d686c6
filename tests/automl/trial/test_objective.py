import math

import pytest

from automl.errors import UsageError
from automl.trial.objective import Constraint, MissingMetricError, Objective

HIGH, LOW = Objective("m", "max"), Objective("m", "min")


def test_direction_is_mirrored():
    assert HIGH.is_better(2, 1) and not HIGH.is_better(1, 2)
    assert LOW.is_better(1, 2) and not LOW.is_better(2, 1)
    assert HIGH.best([1, 3, 2]) == 3 and LOW.best([2, 1, 3]) == 1


@pytest.mark.parametrize("objective", [HIGH, LOW])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_beats_nothing(objective, bad):
    assert not objective.is_better(bad, 0.5)
    assert objective.is_better(0.5, bad)
    assert objective.best([bad, 0.5]) == 0.5
    assert objective.best([bad]) is None


def test_a_missing_metric_lists_those_that_exist():
    with pytest.raises(MissingMetricError, match="no m; it has loss, miou"):
        HIGH.value({"miou": 1.0, "loss": 2.0})


def test_an_unknown_mode_is_refused():
    with pytest.raises(UsageError, match="mode 'best' is not one of max, min"):
        Objective("m", "best")


@pytest.mark.parametrize(
    ("metrics", "defect"),
    [
        ({"m": 0.5, "size": 1.0}, ""),
        ({"m": math.nan, "size": 1.0}, "m is nan"),
        ({"m": 0.5, "size": 2.0}, "violates size<=1"),
    ],
)
def test_a_report_without_a_value_names_its_defect(metrics, defect):
    objective = Objective("m", "max", (Constraint("size", "<=", 1),))
    assert objective.defect(metrics) == defect
    assert math.isnan(objective.value(metrics)) == bool(defect)
